module github.com/stowage-scheduler/stowage/test/guests/zone-quota

go 1.26.0

require (
	github.com/stowage-scheduler/stowage v0.0.0
	github.com/stowage-scheduler/stowage/sdk/go v0.0.0
)

replace github.com/stowage-scheduler/stowage => ../../..

replace github.com/stowage-scheduler/stowage/sdk/go => ../../../sdk/go
