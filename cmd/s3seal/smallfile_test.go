// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"runtime"
	"strings"
	"testing"
)

// TestSmallFiles: a file of keys or metadata is read up to its limit, and what is
// named by mistake, and may have no end, is refused in little memory.
func TestSmallFiles(t *testing.T) {
	dir := t.TempDir()
	for n, ok := range map[int]bool{0: true, maxKeyFile: true, maxKeyFile + 1: false, 1 << 20: false} {
		data, err := readSmallFile(writeFile(t, dir, "file", bytes.Repeat([]byte("k"), n)), maxKeyFile)
		if (err == nil) != ok || ok && len(data) != n {
			t.Errorf("%d bytes: read %d, %v, want it read: %t", n, len(data), err, ok)
		}
	}
	if _, err := os.Stat("/dev/zero"); err != nil {
		t.Skipf("no file without an end here: %v", err)
	}
	for what, args := range map[string][]string{
		"key":      {"seal", "-k", "aes:/dev/zero", "--metadata-out", dir + "/m"},
		"metadata": {"open", "-k", "aes:" + writeFile(t, dir, "k", newAESKeyFile()), "--metadata", "/dev/zero"},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r := cli(t, strings.NewReader("x"), args...).want(t, exitFailure, "/dev/zero", "larger than")
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 32<<20 || r.out != "" {
			t.Errorf("%s: %d bytes allocated, %d of output", what, used, len(r.out))
		}
	}
}
