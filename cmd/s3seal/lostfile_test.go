// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"path/filepath"
	"testing"
)

// TestJobsMissInstructionFiles: objects whose envelopes are in files of another name
// are not left out as plaintext, and the flag that finds the files is named.
func TestJobsMissInstructionFiles(t *testing.T) {
	ks := newKeySet(t)
	root := filepath.Join(t.TempDir(), "v")
	at, there := "dir:"+root, "dir:"+filepath.Join(t.TempDir(), "new")
	put := []string{"put", "-q", "-k", ks.aes, "--format", "v2", "--instruction-file", "--instruction-suffix", ".keys", "-", at + "//x"}
	cli(t, bytes.NewReader(pattern(50)), put...).want(t, exitOK)
	body, _ := stored(t, root, "x")
	store(t, root, "x", body, map[string]string{"x-amz-unencrypted-content-length": "50"}) // as other clients leave it

	const lost = "x: its envelope is in an instruction file that is not there: if it has another name, allow it with --instruction-suffix"
	journal := filepath.Join(t.TempDir(), "journal")
	rewrap := []string{"rewrap", "-k", ks.aes, "--to", ks.otherAES, "--accept", "v2"}
	migrate := []string{"migrate", "-k", ks.aes, "--to", ks.otherAES, "--accept", "v2", "--journal", journal, at, there}
	cli(t, nil, append(rewrap, at+"//x")...).want(t, exitPolicy, lost)
	wantPartly(t, cli(t, nil, append(rewrap, "-r", at)...), lost)
	wantPartly(t, cli(t, nil, append(migrate, "--dry-run")...), lost)
	wantPartly(t, cli(t, nil, migrate...), lost)
	wantPartly(t, cli(t, nil, "verify", "-k", ks.otherAES, "--against", journal, there), "not stored, as the journal says")

	suffix := []string{"--instruction-suffix", ".keys"}
	cli(t, nil, append(migrate, suffix...)...).want(t, exitOK)
	cli(t, nil, append(append(rewrap, suffix...), at+"//x")...).want(t, exitOK)
}
