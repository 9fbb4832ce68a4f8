// SPDX-License-Identifier: Apache-2.0

package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestSealSparesFiles: metadata of an earlier run are replaced, but no file that
// is something else.
func TestSealSparesFiles(t *testing.T) {
	ks := newKeySet(t)
	folder := t.TempDir()
	sealTo := func(args ...string) result {
		return cli(t, strings.NewReader("text"), append([]string{"seal", "-k", ks.aes}, args...)...)
	}
	sealTo().want(t, exitUsage, "s3seal: want --metadata-out FILE\n")
	meta, inst := filepath.Join(folder, "m.json"), filepath.Join(folder, "i.json")
	writeFile(t, folder, "empty", nil)
	for range 2 {
		for _, format := range []string{"v2", "v3", "chunked", "dare2"} {
			sealTo("--format", format, "--metadata-out", meta).want(t, exitOK)
		}
		sealTo("--metadata-out", meta, "--instruction-out", inst).want(t, exitOK)
	}
	sealTo("--metadata-out", filepath.Join(folder, "empty")).want(t, exitOK)
	for _, data := range []string{"my notes", `{"name": "value"}`, "{}"} {
		mine := writeFile(t, folder, "mine", []byte(data))
		for _, args := range [][]string{{"--metadata-out", mine}, {"--metadata-out", meta, "--instruction-out", mine}} {
			sealTo(args...).want(t, exitUsage, args[len(args)-2]+": "+mine+" is there already, and nothing that seal has written")
		}
		wantFile(t, mine, []byte(data))
	}
}
