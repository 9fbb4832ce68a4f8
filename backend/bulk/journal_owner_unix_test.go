// SPDX-License-Identifier: Apache-2.0

//go:build unix

package bulk_test

import (
	"errors"
	"os"
	"testing"

	"github.com/s3seal/s3seal/backend/bulk"
)

// TestJournalOwner refuses a journal of somebody else, who could have written into
// it what he likes, also where the user may read and write all files.
func TestJournalOwner(t *testing.T) {
	path := journalPath(t)
	journal(t, path).Close()
	before := must(os.ReadFile(path))(t)
	if err := os.Chown(path, 65534, -1); err != nil {
		t.Skipf("who is not root cannot give files away: %v", err)
	}
	if j, err := bulk.OpenJournal(path, testJob); !errors.Is(err, bulk.ErrNotJournal) {
		t.Errorf("OpenJournal = %v, want ErrNotJournal", err)
		if err == nil {
			j.Close()
		}
	}
	if after := must(os.ReadFile(path))(t); string(after) != string(before) {
		t.Errorf("the file was changed to %q", after)
	}
	if err := os.Chown(path, os.Geteuid(), -1); err != nil {
		t.Fatal(err)
	}
	journal(t, path)
}
