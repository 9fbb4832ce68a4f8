// SPDX-License-Identifier: Apache-2.0

//go:build unix

package backend_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/s3seal/s3seal/backend"
)

// TestResumeStateOwner refuses a state file of somebody else, who could have made
// it name a content key that he knows, also where the user may read and write all
// files.
func TestResumeStateOwner(t *testing.T) {
	r := newResuming(t, profiles(t)[0])
	data := pattern(3 * resumePart)
	r.interrupt(t, data, 1)
	before, puts := must(os.ReadFile(r.state))(t), r.puts
	if err := os.Chown(r.state, 65534, -1); err != nil {
		t.Skipf("who is not root cannot give files away: %v", err)
	}
	_, err := r.put(t, data, nil)
	wantErr(t, "a file of somebody else", err, backend.ErrNotState)
	if after := must(os.ReadFile(r.state))(t); !bytes.Equal(after, before) || r.puts != puts {
		t.Errorf("%d parts sent, and the file was changed: %t", r.puts-puts, !bytes.Equal(after, before))
	}
	if err := os.Chown(r.state, os.Geteuid(), -1); err != nil {
		t.Fatal(err)
	}
	must(r.put(t, data, nil))(t)
	r.wantDone(t, data)
}
