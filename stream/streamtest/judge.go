// SPDX-License-Identifier: Apache-2.0

package streamtest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
)

// A promise is one thing that a caller relies on, and the test for it.
type promise struct {
	name string
	test func() error
}

// check tests promises. If the first one is broken, the type does not work at
// all and the others would only say so again.
func check(promises ...promise) error {
	var errs []error
	for i, p := range promises {
		err := guarded(p.test)
		if err == nil {
			continue
		}
		errs = append(errs, fmt.Errorf("streamtest: %s: %w", p.name, err))
		if i == 0 {
			break
		}
	}
	return errors.Join(errs...)
}

// guarded turns a panic of f into an error.
func guarded(f func() error) (err error) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case spinning:
			err = v
		default:
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return f()
}

// failure checks the error of a stream whose source or sink went wrong: it
// wraps want, if that is not nil, but not what says that content is wrong.
func failure(end, want, rejected error) error {
	switch {
	case end == nil || end == io.EOF:
		return fmt.Errorf("it ended with %v, as if nothing had happened", end)
	case bare(end):
		return fmt.Errorf("the error is a bare %q, which passes for an end", end)
	case want != nil && !errors.Is(end, want):
		return fmt.Errorf("the error, %q, does not wrap %q", end, want)
	case rejected != nil && !errors.Is(want, rejected) && errors.Is(end, rejected):
		return fmt.Errorf("the error, %q, blames the ciphertext", end)
	}
	return nil
}

// notBare checks an error of a constructor or writer. There io.EOF is an error
// like others, while in a result it stands for success.
func notBare(err error) error {
	if bare(err) {
		return fmt.Errorf("the error is a bare %q, which passes for an end", err)
	}
	return nil
}

// prefix checks that out is how want begins.
func prefix(out, want []byte) error {
	if bytes.HasPrefix(want, out) {
		return nil
	}
	return fmt.Errorf("what came out, %d bytes, is not how the right output begins: first difference at byte %d",
		len(out), differ(out, want))
}

// unfinished judges what came out of an encrypting stream that has failed.
func unfinished(ciphertext []byte, complete bool) func(out []byte) error {
	return func(out []byte) error {
		if complete && len(out) >= len(ciphertext) {
			return fmt.Errorf("unfinished: a stream that failed was completed: %d bytes came out", len(out))
		}
		return prefix(out, ciphertext)
	}
}

// cutShort judges what came out of a decrypting stream that has failed because
// of its source, or that was cut.
func (o DecryptOptions) cutShort(plaintext []byte) func(out []byte) error {
	return func(out []byte) error {
		if o.Assurance == VerifiedWhole && len(out) > 0 {
			return fmt.Errorf("released: %d bytes came out of a stream that was never verified", len(out))
		}
		return prefix(out, plaintext)
	}
}
