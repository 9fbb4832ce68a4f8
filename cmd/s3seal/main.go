// SPDX-License-Identifier: Apache-2.0

// Command s3seal encrypts files before they reach S3 and decrypts them after.
//
// It writes and reads the formats of AWS's S3 Encryption Clients, with keys
// that never leave this machine. Run s3seal --help.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	os.Exit(mainCode())
}

func mainCode() int {
	// Without this a reader that goes away (s3seal cat … | head) kills the
	// process before it can clean up. Ignored, it is a failed write: exit 1.
	signal.Ignore(syscall.SIGPIPE)

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first signal asks for a clean end. From then on the default action
	// is back, so that a second one ends a process that hangs.
	context.AfterFunc(ctx, stop)

	return run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv)
}
