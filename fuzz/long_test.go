// SPDX-License-Identifier: Apache-2.0

package fuzz_test

import (
	"cmp"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// TestFuzzLong fuzzes each target for a while, one after the other. The cache
// that fuzzing keeps stays out of the user's. What a target finds it writes to
// testdata/fuzz.
func TestFuzzLong(t *testing.T) {
	if os.Getenv("S3SEAL_LONG") != "1" {
		t.Skip("the seeds run in any case; set S3SEAL_LONG=1 to go on from there")
	}
	each := must[time.Duration](t)(time.ParseDuration(cmp.Or(os.Getenv("S3SEAL_FUZZTIME"), "15s")))
	dir := t.TempDir()
	binary := filepath.Join(dir, "fuzz.test")
	// -fuzz makes the compiler count what is covered.
	if out, err := exec.CommandContext(t.Context(), "go", "test", "-c", "-fuzz=.", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("go test -c: %v\n%s", err, out)
	}
	for _, name := range slices.Sorted(maps.Keys(targets)) {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), binary, "-test.run=^$", "-test.fuzz=^"+name+"$", "-test.fuzztime="+each.String(),
				"-test.fuzzcachedir="+filepath.Join(dir, "cache"), "-test.timeout="+(each+5*time.Minute).String())
			cmd.Env = append(os.Environ(), "S3SEAL_LONG=")
			out, err := cmd.CombinedOutput()
			t.Logf("%s", out)
			if err != nil {
				t.Errorf("%v", err)
			}
		})
	}
}
