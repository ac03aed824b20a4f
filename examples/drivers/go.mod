module github.com/asynccalls/asynccalls/examples/drivers

go 1.26.0

replace (
	github.com/asynccalls/asynccalls => ../../
	github.com/asynccalls/asynccalls/driver/confluent => ../../driver/confluent
)

require (
	github.com/asynccalls/asynccalls v0.0.0-00010101000000-000000000000
	github.com/asynccalls/asynccalls/driver/confluent v0.0.0-00010101000000-000000000000
)

require (
	github.com/confluentinc/confluent-kafka-go/v2 v2.14.1 // indirect
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/pierrec/lz4/v4 v4.1.33 // indirect
	github.com/twmb/franz-go v1.22.2 // indirect
	github.com/twmb/franz-go/pkg/kadm v1.19.0 // indirect
	github.com/twmb/franz-go/pkg/kfake v0.0.0-20260918054303-01f206a7e32c // indirect
	github.com/twmb/franz-go/pkg/kmsg v1.15.0 // indirect
)
