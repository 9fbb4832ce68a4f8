// SPDX-License-Identifier: Apache-2.0

package backendtest_test

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend/backendtest"
)

// firstEnv tells a process that it is the new one of TestCountResourcesFirst.
const firstEnv = "S3SEAL_TEST_FIRST"

// TestCountResourcesFirst: what comes with the first file that a process opens, and
// stays, was not left behind.
func TestCountResourcesFirst(t *testing.T) {
	if os.Getenv(firstEnv) != "" {
		before := backendtest.CountResources()
		openNull(t).Close()
		if left := before.Exceeded(0); left != "" {
			t.Errorf("left behind: %s", left)
		}
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestCountResourcesFirst$")
	cmd.Env = append(os.Environ(), firstEnv+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func openNull(t *testing.T) *os.File {
	t.Helper()
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestExceededNames: a file that is open is not said to be a goroutine.
func TestExceededNames(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	before := backendtest.CountResources()
	f := openNull(t)
	left := before.Exceeded(0)
	f.Close()
	if !strings.Contains(left, "descriptors after") || strings.Contains(left, "goroutines after") {
		t.Errorf("Exceeded = %q, want a descriptor and nothing else", left)
	}
	if left := before.Exceeded(0); left != "" {
		t.Errorf("Exceeded = %q when it was closed", left)
	}
}
