// SPDX-License-Identifier: Apache-2.0

package pattern_test

import (
	"errors"
	"io"
	"testing"

	"github.com/s3seal/s3seal/bench/internal/pattern"
)

// TestThere: what is generated is recognised.
func TestThere(t *testing.T) {
	var c pattern.Checker
	const want = 3*pattern.Period + 7
	if _, err := io.CopyN(&c, &pattern.Generator{}, want); err != nil || c.Len() != want {
		t.Errorf("copy = %v after %d bytes, want all %d", err, c.Len(), want)
	}
}

// TestWrong: what is not, is not.
func TestWrong(t *testing.T) {
	var c pattern.Checker
	if _, err := c.Write([]byte("wrong")); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("Write = %v, want an error", err)
	}
}
