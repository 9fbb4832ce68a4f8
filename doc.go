// SPDX-License-Identifier: Apache-2.0

// Package s3seal is client-side encryption for S3 as plain io.Readers and
// io.Writers.
package s3seal
