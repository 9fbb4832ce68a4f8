// SPDX-License-Identifier: Apache-2.0

// Package fuzz holds native fuzz targets over the public API, each against an
// oracle: the one-shot functions of crypto/cipher, or the inverse operation.
//
//	go test ./fuzz                                   # the seeds only
//	go test -fuzz FuzzGCM -fuzztime 1m ./fuzz        # and on from there
package fuzz
