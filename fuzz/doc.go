// SPDX-License-Identifier: Apache-2.0

// Package fuzz holds native fuzz targets over the public API, each against an
// oracle: the one-shot functions of crypto/cipher, the inverse operation,
// another implementation, or the reference reader of package testkit.
//
//	go test ./fuzz                                    # the seeds only
//	go test -fuzz '^FuzzGCM$' -fuzztime 1m ./fuzz     # and on from there
//	S3SEAL_LONG=1 go test -run TestFuzzLong ./fuzz    # each target for 15 s
//
// S3SEAL_FUZZTIME is another time for the last. What a target finds is written to
// testdata/fuzz, where it is a seed from then on.
package fuzz
