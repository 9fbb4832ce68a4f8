// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"strings"
	"testing"
)

// TestClosedText: readers, and parts that were wiped, return it too.
func TestClosedText(t *testing.T) {
	if text := ErrClosed.Error(); strings.Contains(text, "write") || strings.Contains(text, "read") {
		t.Errorf("ErrClosed is %q, want nothing of what was tried", text)
	}
}
