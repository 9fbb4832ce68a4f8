// SPDX-License-Identifier: Apache-2.0

// Command transfer measures what sealing costs a put and a get to a file: it
// compares those of this module with the plaintext ones of the MinIO client that
// it is built on, of the same bytes, with the same part size and as many parts at
// a time, against a MinIO on this machine.
//
//	go run ./bench/transfer             # print the table
//	go run ./bench/transfer -check      # and fail if a bar is missed
//	go run ./bench/transfer -size 64    # with objects of 64 MiB
//
// MinIO is the one at S3SEAL_TEST_MINIO_ENDPOINT, with the credentials
// S3SEAL_TEST_MINIO_ACCESS_KEY and S3SEAL_TEST_MINIO_SECRET_KEY, or one in PATH,
// which is started for the run. That for TLS is always started.
//
// What counts is real time. Server and client share the cores, so that work of
// either side shows. Both clients take turns, each pair gives one quotient, and
// the row is the median. With -check, a row that misses its bar is measured again,
// twice at most. If it still does, but a quarter of its rounds did not, the row
// is inconclusive. The exit code is 1 if a bar was missed and 3 if a row was
// inconclusive. Beside the rates stands the processor time of this process.
//
// # Signatures
//
// Over http the client signs what it sends: the MinIO client each 64 KiB, this
// module each part. Over TLS the MinIO client signs no bodies, and this module
// does not with Options.UnsignedPayload. Over http without a signature, which the
// MinIO client can be told, this module has nothing to offer: it would leave
// nobody to notice a change. That row has no bar.
//
// # Files
//
// The MinIO client leaves a file to the system, which writes it to the disk when
// it likes; GetFile waits for that before it gives the file its name, unless
// DownloadOptions.NoSync. So there are two rows of the like with the like: neither
// waits, and both do. The third compares what either does by default.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/s3seal/s3seal/bench/internal/score"
)

const bar = 0.85

func main() {
	check := flag.Bool("check", false, "exit with 1 if a bar is missed, with 3 if a row is inconclusive")
	mib := flag.Int("size", 256, "size of the objects in MiB")
	dir := flag.String("dir", "", "folder for downloads; that for temporary files if empty")
	again := flag.Bool("again", false, "measure a row that misses its bar again, as with -check")
	flag.Parse()
	t := &score.Table{Out: os.Stdout, Again: *check || *again}
	if err := run(t, *mib<<20, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "transfer:", err)
		os.Exit(1)
	}
	if *check {
		os.Exit(t.Code(os.Stderr, "transfer"))
	}
}

func run(t *score.Table, size int, parent string) error {
	dir, err := os.MkdirTemp(parent, "s3seal-transfer-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Fprintf(t.Out, "%-34s %9s %25s %6s %6s\n", "", "size", "minio-go      s3seal", "ratio", "bar")
	for _, secure := range []bool{false, true} {
		if err := serve(t, secure, size, dir); err != nil {
			return err
		}
	}
	return nil
}

// serve prints the rows of one server.
func serve(t *score.Table, secure bool, size int, dir string) (err error) {
	p, err := newPair(context.Background(), secure, size, dir)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := p.close(); err == nil {
			err = closeErr
		}
	}()
	return t.Rows(p.rows(), nil)
}
