// SPDX-License-Identifier: Apache-2.0

package wrap_test

import (
	"crypto/fips140"
	"testing"
)

// skipFIPS is for tests of what FIPS 140-only mode refuses; TestFIPS covers the
// refusal.
func skipFIPS(t testing.TB) {
	t.Helper()
	if fips140.Enforced() {
		t.Skip("not allowed in FIPS 140-only mode")
	}
}
