// SPDX-License-Identifier: Apache-2.0

// Package s3seal is client-side encryption for S3 as plain io.Readers and
// io.Writers: constant memory, byte-compatible with the formats V1, V2 and V3
// of the S3 encryption clients, composable with io.Copy, bound to S3 by a thin
// minio-go adapter.
//
// This package holds no code; it is the map of the module.
//
// # Which package do I need
//
//	backend         a bucket that seals what is put and opens what is got; start here
//	backend/s3      its driver for S3, over a *minio.Client of yours
//	backend/dir     its driver for a local folder
//	backend/mem     its driver in memory, for tests
//	backend/bulk    many objects: rotate keys, migrate, audit, verify
//	backend/backendtest  the conformance suite for a driver of your own
//	backend/s3/s3test    real S3 servers for tests of your own
//	envelope        object headers and the opening and sealing of one object, without any storage
//	wrap            keys that protect the content keys: AES/GCM, RFC 3394, RSA-OAEP, KMS; keyrings
//	wrap/legacy     wraps that should only be read: AES-ECB, PKCS#1 v1.5, RSA-OAEP-SHA256, kms, RSA without padding
//	wrap/awskms     AWS KMS, through the client of the AWS SDK
//	wrap/localkms   a KMS in a file that speaks AWS's protocol, for development
//	envelope/dare   DARE 2.0 as a format of envelope, for those who want it
//	stream          AES-GCM, AES-CBC and AES-CTR as readers and writers, under a raw key
//	stream/chunked  C2SP chunked encryption: authentic at any offset
//	stream/dare     DARE 2.0, the format of minio/sio: the same
//	stream/streamtest    the conformance suite for an encrypting or decrypting stream of your own
//	cmd/s3seal      the command line, on the same packages
//	fuzz            fuzz targets, and a list of which property is proved by which test
//
// Imports point one way: stream and wrap import none of the others, envelope
// imports stream, stream/chunked and wrap, backend imports envelope, the drivers
// are at the rim. All of these but backend/s3, wrap/awskms, stream/dare,
// envelope/dare, s3test and the command need the standard library only, tests
// aside.
//
// # What is authenticated when
//
//	Chunked       anything         each chunk before it is released
//	DARE          anything         the same; does not commit to its key: needs AllowUncommitted
//	V3, V2-GCM    whole object     verified before the first byte is released (default, Spool, TwoPass),
//	                               or at io.EOF where the caller asked for UnverifiedUntilEOF
//	V3, V2-GCM    range            never: AES-CTR under the hood; needs AllowUnauthenticatedRanges
//	V2-CBC, V1    whole object     never: padding is no authentication; needs AllowLegacyCBC
//	V2-CTR        whole object     never; needs AllowUnauthenticatedCTR
//	CBC, CTR      range            never; needs AllowUnauthenticatedRanges as well
//
// Only V3 and Chunked commit to their key: under V2-GCM whoever can choose the
// content key can make one body that opens under two keys. Only Chunked and DARE
// can bind the name of the object, and a KMS if its encryption context has the
// name (wrap.RequireContext): any other stored object can be copied over another
// one and will open. An old version can be restored in all of them.
//
// # What was rejected
//
// Each package says at its end what it could have been and is not. What concerns
// all of them: cgo and assembly of our own, which have to be trusted on every
// platform; functional options, where a struct shows all there is and its zero
// value is the safe one; registries and init; a panic for any length that comes
// from outside; a Close that closes what it did not open; plaintext that leaves
// unverified without having been asked for in so many words. A second module for
// backend/s3: a program that does not import it does not build the MinIO client.
package s3seal
