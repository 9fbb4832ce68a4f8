// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/wrap"
)

// The exit codes, which scripts may rely on.
const (
	exitOK          = 0
	exitFailure     = 1 // I/O, network, server
	exitUsage       = 2
	exitDecrypt     = 3 // wrong key, or the object or its metadata was altered
	exitPolicy      = 4 // the message names the flag that would allow it
	exitNotFound    = 5
	exitChanged     = 6 // meanwhile, or not what a condition asks for
	exitPartly      = 7 // of many objects some have failed
	exitInterrupted = 130
)

// A usageError is a mistake in what was asked for, found before any work.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}

// A partlyError says that a job has done what it could. What the objects failed of
// was said before.
type partlyError struct{ failed, of int64 }

func (e *partlyError) Error() string { return fmt.Sprintf("%d of %d objects failed", e.failed, e.of) }

// exitCode sorts err into the exit codes.
func exitCode(ctx context.Context, err error) int {
	if err == nil {
		return exitOK
	}
	if ctx.Err() != nil {
		// Whatever failed, it failed because it was told to stop.
		return exitInterrupted
	}
	if _, ok := errors.AsType[*partlyError](err); ok {
		return exitPartly
	}
	if code, ok := decryptCode(err); ok {
		return code
	}
	var usage *usageError
	switch {
	case errors.As(err, &usage), errors.Is(err, backend.ErrKey):
		return exitUsage
	case errors.Is(err, backend.ErrNotExist):
		return exitNotFound
	case errors.Is(err, backend.ErrChanged), errors.Is(err, backend.ErrExist):
		return exitChanged
	}
	return exitFailure
}

// decryptCode recognises the errors of reading something encrypted.
func decryptCode(err error) (code int, ok bool) {
	var metadata *envelope.MetadataError
	var allowed *allowable
	switch {
	case errors.Is(err, backend.ErrNoSidecar): // before ErrNoKey, which it is too
		return exitNotFound, true
	case errors.As(err, &allowed),
		errors.Is(err, envelope.ErrPolicy),
		errors.Is(err, envelope.ErrNotEncrypted),
		errors.Is(err, stream.ErrBufferLimit):
		return exitPolicy, true
	case errors.Is(err, envelope.ErrDecrypt),
		errors.Is(err, wrap.ErrUnwrap),
		errors.Is(err, wrap.ErrNoKey),
		errors.Is(err, wrap.ErrContext),
		errors.Is(err, backend.ErrSidecar),
		errors.Is(err, errMetadataFile),
		errors.As(err, &metadata):
		return exitDecrypt, true
	}
	return 0, false
}

// An addressError says which object an error is about.
type addressError struct {
	address string
	err     error
}

func (e *addressError) Error() string { return e.address + ": " + e.err.Error() }
func (e *addressError) Unwrap() error { return e.err }

// about adds the address to err, if it is an error.
func (a address) about(err error) error {
	if err == nil {
		return nil
	}
	return &addressError{a.text, err}
}

// message is what the user reads for err: plain words where the exit code says
// it all, the error itself where it does not. The vague error of decryption
// gets the words that say what can be behind it.
func message(err error, code int) string {
	var at *addressError
	located := errors.As(err, &at)
	var missing *missingError
	var text string
	switch {
	case code == exitInterrupted:
		return "interrupted"
	case errors.As(err, &missing):
		return missing.Error()
	case located && errors.Is(err, backend.ErrNoSidecar):
		return at.address + backend.SidecarSuffix + ": not found: the sidecar that holds the key of the object"
	case code == exitNotFound:
		text = "not found"
	case errors.Is(err, envelope.ErrDecrypt):
		text = "cannot decrypt: wrong key, or the object or its metadata was altered"
	case errors.Is(err, stream.ErrBufferLimit):
		text = "too large to be verified in memory before any of it is released: use --release spool or twopass," +
			" get it to a file, or allow it with --release unverified"
	case errors.Is(err, envelope.ErrSpool):
		return err.Error() + spoolHint
	case strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return err.Error() + ": if it is to be without TLS, write the endpoint as http://HOST:PORT"
	default:
		return err.Error()
	}
	if located {
		return at.address + ": " + text
	}
	return text
}

// firstOf returns the first error, which is the one that led to the others.
func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
