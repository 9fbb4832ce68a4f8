// SPDX-License-Identifier: Apache-2.0

package dir_test

import (
	"os"
	"testing"
)

// TestDescriptors does everything often and counts open files.
func TestDescriptors(t *testing.T) {
	root := memoryDir(t)
	prepare(t, root, "f", "plain", "copied")
	d := open(t, root)
	count := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip(err)
		}
		return len(entries)
	}
	round := func() {
		for _, key := range []string{"f/a", "f/a/x", "f", "plain", "copied", "new/er", "../x", ".s3seal/x"} {
			put(d, key, 2)
			generation(d, key)
			d.Stat(noCancel, key)
		}
		d.Delete(noCancel, "new/er")
		d.Delete(noCancel, "nothing/there")
	}
	round()
	before := count()
	for range 20 {
		round()
	}
	if after := count(); after > before {
		t.Errorf("%d open files, %d before", after, before)
	}
}
