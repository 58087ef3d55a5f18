module github.com/stowage-scheduler/stowage/sdk/go

go 1.26.0
