module github.com/stowage-scheduler/stowage/test/guests/rack-group

go 1.26.0

require github.com/stowage-scheduler/stowage/sdk/go v0.0.0

replace github.com/stowage-scheduler/stowage/sdk/go => ../../../sdk/go
