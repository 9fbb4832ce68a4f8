// SPDX-License-Identifier: Apache-2.0

//go:build amd64

package dir_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A ledger knows what of a folder would be there after a power failure: of files
// what was synced, and of folders the names that were there when they were. A
// process that is killed loses none of it, so only this notices a sync that is
// missing.
type ledger struct {
	t       *testing.T
	root    string
	data    map[string]bool // files whose data may be lost
	names   map[string]bool // files and folders that may not be there
	removed map[string]bool // those that may be there again
	commits int
}

const (
	sysRenameat2     = 316
	sysCopyFileRange = 326

	home     = ".s3seal/"
	homeTmp  = home + "tmp/"
	homeMeta = home + "meta/"
)

// note enters a call that has been made.
func (l *ledger) note(c call) {
	a, b := c.first, c.second
	switch c.number {
	case syscall.SYS_OPENAT:
		l.created(a)
		l.data[a] = true
	case syscall.SYS_MKDIRAT:
		l.created(a)
	case syscall.SYS_WRITE, syscall.SYS_PWRITE64, syscall.SYS_SENDFILE, syscall.SYS_FTRUNCATE, sysCopyFileRange:
		l.data[a] = true
	case syscall.SYS_FSYNC, syscall.SYS_FDATASYNC:
		l.synced(a)
	case syscall.SYS_RENAMEAT, sysRenameat2:
		l.renamed(a, b)
	case syscall.SYS_UNLINKAT:
		l.unlinked(a)
	case syscall.SYS_RMDIR: // an empty folder more is no harm
		delete(l.names, a)
	}
}

// below says whether a path is in a folder of the root.
func (l *ledger) below(folder, path string) bool {
	return strings.HasPrefix(path, l.root+"/"+folder)
}

// created: a file or folder has a name now. A body must be seen in tmp before
// there is a record of it, for records without bodies are cleaned away.
func (l *ledger) created(name string) {
	l.names[name] = true
	if l.below(homeMeta, name) && strings.HasSuffix(name, ".json") {
		l.wantNames("a record before its body", homeTmp)
	}
}

func (l *ledger) synced(name string) {
	delete(l.data, name)
	for _, names := range []map[string]bool{l.names, l.removed} {
		for n := range names {
			if filepath.Dir(n) == name {
				delete(names, n)
			}
		}
	}
}

// renamed: what gets a name that counts must be whole, and the record of a body
// must be there before the body is.
func (l *ledger) renamed(from, to string) {
	if l.data[from] {
		l.t.Errorf("rename %s to %s: its data may be lost", from, to)
	}
	delete(l.names, from)
	if !l.below(home, to) {
		l.commits++
		l.wantNames("a body before its record", homeMeta)
		for name := range l.data {
			if l.below(homeMeta, name) {
				l.t.Errorf("rename %s to %s: the data of %s may be lost", from, to, name)
			}
		}
	}
	l.names[to] = true
}

// unlinked: a body leaves tmp only after its record is gone for good, or it would
// look like one that has got to its key. And a part leaves its folder only after
// that which replaces it is there.
func (l *ledger) unlinked(name string) {
	if filepath.Dir(filepath.Dir(name)) == filepath.Join(l.root, home, "parts") && !l.data[name] {
		l.wantNames("a part is removed", strings.TrimPrefix(filepath.Dir(name)+"/", l.root+"/"))
	}
	if l.below(homeTmp, name) {
		for n := range l.removed {
			if l.below(homeMeta, n) {
				l.t.Errorf("remove %s: %s may be there again", name, n)
			}
		}
	}
	delete(l.data, name)
	delete(l.names, name)
	l.removed[name] = true
}

func (l *ledger) wantNames(what, folder string) {
	for name := range l.names {
		if l.below(folder, name) {
			l.t.Errorf("%s: %s may not be there", what, name)
		}
	}
}

// end: the task was reported as done. What is in tmp is nobody's any more, and
// records that come back are those of dead bodies.
func (l *ledger) end() {
	for name := range l.data {
		if !l.below(homeTmp, name) {
			l.t.Errorf("at the end the data of %s may be lost", name)
		}
	}
	for name := range l.names {
		if !l.below(homeTmp, name) {
			l.t.Errorf("at the end %s may not be there", name)
		}
	}
	for name := range l.removed {
		if !l.below(home, name) {
			l.t.Errorf("at the end %s may be there again", name)
		}
	}
}

// TestDurable looks at the order of writes and syncs of whole tasks.
func TestDurable(t *testing.T) {
	object := func(t *testing.T, root string) { mustPut(t, root, crashKey, 4) }
	plainFile := func(t *testing.T, root string) { write(t, root, crashKey, body(plain)) }
	for _, tt := range []struct {
		name, task string
		before     func(t *testing.T, root string)
		commits    int
	}{
		{"put", "put", func(*testing.T, string) {}, 1},
		{"put over an object", "put", object, 1},
		{"put that fails", "abort", plainFile, 0},
		{"delete", "delete", object, 0},
		{"start of an upload", "start", func(*testing.T, string) {}, 0},
		{"upload", "upload", func(*testing.T, string) {}, 1},
		{"parts", "parts", func(*testing.T, string) {}, 0},
		{"replace", "replace", object, 0},
		{"sweep", "sweep", func(t *testing.T, root string) {
			plainFile(t, root)
			d := open(t, root)
			abandon(d, "before commit", func() { put(d, crashKey, 2) })
		}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			base := memoryDir(t)
			root := filepath.Join(base, "new", "root")
			tt.before(t, root)
			l := &ledger{t: t, root: root, data: map[string]bool{}, names: map[string]bool{}, removed: map[string]bool{}}
			tr := &tracer{root: base}
			calls := 0
			tr.done = func(c call) { calls++; l.note(c) }
			tr.run(t, tt.task, root, never)
			l.end()
			if calls < 4 || l.commits != tt.commits {
				t.Errorf("%d calls with %d commits were seen, want at least 4 and %d", calls, l.commits, tt.commits)
			}
		})
	}
}

// record hands on a call of a thread that has succeeded.
func (tr *tracer) record(thread int) {
	var regs syscall.PtraceRegs
	if syscall.PtraceGetRegs(thread, &regs) != nil {
		return
	}
	if tr.entry[thread] {
		tr.inside(thread, &regs)
		return
	}
	c, ok := tr.calls[thread]
	delete(tr.calls, thread)
	if !ok || int64(regs.Rax) < 0 {
		return
	}
	if c.number == syscall.SYS_OPENAT {
		c.first = tr.file(regs.Rax)
	}
	if strings.HasPrefix(c.first, tr.root) {
		tr.done(c)
	}
}

// inside keeps what a call names, for at its end the names may be gone.
func (tr *tracer) inside(thread int, regs *syscall.PtraceRegs) {
	c := call{number: regs.Orig_rax}
	switch c.number {
	case syscall.SYS_OPENAT:
		path := tr.at(thread, regs.Rdi, regs.Rsi)
		if _, err := os.Lstat(path); regs.Rdx&syscall.O_CREAT == 0 || err == nil {
			return
		}
	case syscall.SYS_MKDIRAT:
		c.first = tr.at(thread, regs.Rdi, regs.Rsi)
	case syscall.SYS_UNLINKAT:
		const removeFolder = 0x200
		if regs.Rdx&removeFolder != 0 {
			c.number = syscall.SYS_RMDIR
		}
		c.first = tr.at(thread, regs.Rdi, regs.Rsi)
	case syscall.SYS_RENAMEAT, sysRenameat2:
		c.first, c.second = tr.at(thread, regs.Rdi, regs.Rsi), tr.at(thread, regs.Rdx, regs.R10)
	case sysCopyFileRange:
		c.first = tr.file(regs.Rdx)
	default:
		if !changing[c.number].file {
			return
		}
		c.first = tr.file(regs.Rdi)
	}
	if tr.calls == nil {
		tr.calls = make(map[int]call)
	}
	tr.calls[thread] = c
}

// file is the path of a descriptor of the traced process.
func (tr *tracer) file(fd uint64) string {
	path, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", tr.pid, int32(fd)))
	if err != nil {
		return ""
	}
	return path
}

// at is the path that a folder and the name at an address make.
func (tr *tracer) at(thread int, fd, address uint64) string {
	name := make([]byte, 4096)
	n, err := syscall.PtracePeekText(thread, uintptr(address), name)
	if err != nil {
		return ""
	}
	name, _, _ = bytes.Cut(name[:n], []byte{0})
	if filepath.IsAbs(string(name)) {
		return filepath.Clean(string(name))
	}
	return filepath.Join(tr.file(fd), string(name))
}
