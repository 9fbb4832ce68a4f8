// SPDX-License-Identifier: Apache-2.0

// Command s3seal encrypts files before they reach S3 and decrypts them after.
//
// It writes and reads the formats of AWS's S3 Encryption Clients, with keys
// that never leave this machine. Run s3seal --help.
//
// # What was rejected
//
// Keys and passwords as flags, which everybody on the machine can read; guessing
// whether a key file is raw, hex or base64 where more than one would do, which
// could encrypt under a key that its owner does not know. Opening whatever there
// is: what is weaker than the default has to be accepted by name. ALIAS/BUCKET/KEY
// without a scheme: a misspelt file name would be an address.
//
// A second download where the disk is too full for the ciphertext that is kept until
// it is verified: nobody has asked for it, so it takes a flag.
//
// # Files
//
// A command is in the file of its name, with cat in get, abort-stale in resume_stale
// and kms-server in kmsserver. The other files, by what they are about:
//
//   - the command line: main, run, grammar, onecommand, flagwords; what several
//     commands can be told: *flags, accept, format, context, instruction, release
//   - from an error to a sentence and an exit code: exit, words, explain, remedy,
//     nothing, toolarge
//   - where an object is: address*, put_target, storage; on which server, and who
//     asks: endpoint, mchost, profile, credentials, transport
//   - with what it is encrypted: keyspec, keys, keyfile, keyguard, aesfile, rsafile,
//     kms, sidecar, recipients; with what instead: newkey*
//   - the bytes, in: source, command, await; out: reader, metafile, byterange,
//     release, outputs, wholefile; and on their way: progress, resume*
//   - many objects, for audit, verify, rewrap and migrate: bulk*, against
//   - what is said of an object: describe, verdict, json; of all that is around it:
//     doctor*
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

	ctx, stop := signal.NotifyContext(context.Background(), ends()...)
	defer stop()
	// The first signal asks for a clean end. From then on the default action
	// is back, so that a second one ends a process that hangs.
	context.AfterFunc(ctx, stop)

	return run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv)
}

// ends are the signals that ask for a clean end. A terminal that closes is one,
// unless it is ignored, as by nohup.
func ends() []os.Signal {
	all := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if signal.Ignored(syscall.SIGHUP) {
		return all
	}
	// It comes once more when the shell of the terminal ends, right after the
	// first time, and must not get the default action then.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	return append(all, syscall.SIGHUP)
}
