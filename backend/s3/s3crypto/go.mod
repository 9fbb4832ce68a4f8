// A client of other people for the interop tests, pinned. It is a module of its
// own so that those who import s3seal do not inherit the SDK, which is at its end.
module github.com/s3seal/s3seal/backend/s3/s3crypto

go 1.26.4

require github.com/aws/aws-sdk-go v1.55.8

require github.com/jmespath/go-jmespath v0.4.0 // indirect
