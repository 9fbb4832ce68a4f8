// SPDX-License-Identifier: Apache-2.0

package dir_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/dir"
)

// childEnv says what the test binary is to do instead of testing. Its words
// are the name of a task and its arguments.
const childEnv = "S3SEAL_DIR_TEST_CHILD"

// tasks are what other processes do.
var tasks = map[string]func(args []string) error{
	"put":         crashPut,
	"abort":       crashAbort,
	"delete":      crashDelete,
	"full":        fullDevice,
	"sweep":       crashSweep,
	"replace":     crashReplace,
	"create":      crashCreate,
	"upload":      crashUpload,
	"start":       startUpload,
	"parts":       startParts,
	"increment":   increment,
	"write":       writeMany,
	"full upload": fullUpload,
	"read-only":   readOnly,
	"mix":         mix,
}

func TestMain(m *testing.M) {
	words := strings.Split(os.Getenv(childEnv), "\n")
	if task := tasks[words[0]]; task != nil {
		if err := task(words[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child prepares another process that does a task.
func child(t *testing.T, words ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), childEnv+"="+strings.Join(words, "\n"))
	return cmd
}

// die ends the process as kill -9 does: at once, with nothing run any more.
func die() {
	p, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = p.Kill()
	}
	if err != nil {
		panic(err)
	}
	select {}
}

// body returns the body of a generation. Those of one parity have one size.
func body(gen int) []byte {
	line := fmt.Appendf(nil, "generation %09d\n", gen)
	return bytes.Repeat(line, 400+gen%2)
}

func metadata(gen int) map[string]string {
	return map[string]string{"generation": strconv.Itoa(gen)}
}

// put stores a generation.
func put(d *dir.Driver, key string, gen int) error {
	b := body(gen)
	_, err := d.Put(context.Background(), key, bytes.NewReader(b), int64(len(b)), &backend.PutOptions{Metadata: metadata(gen)})
	return err
}

// plain is what generation returns for a file without a record.
const plain = 0

// generation reads an object and returns its generation, after checking that
// body, metadata and Info are all of it.
func generation(d *dir.Driver, key string) (int, error) {
	rc, info, err := d.Get(context.Background(), key, &backend.GetOptions{})
	if err != nil {
		return -1, err
	}
	defer rc.Close()
	data, err := io.ReadAll(rc)
	if err != nil {
		return -1, err
	}
	gen := plain
	if s, ok := info.Metadata["generation"]; ok {
		if gen, err = strconv.Atoi(s); err != nil {
			return -1, err
		}
	}
	if want := body(gen); !bytes.Equal(data, want) {
		return -1, fmt.Errorf("metadata of generation %d with body %.30q of %d bytes", gen, data, len(data))
	}
	if info.Size != int64(len(data)) || info.ETag == "" || info.Key != key {
		return -1, fmt.Errorf("body of %d bytes with %+v", len(data), info)
	}
	return gen, nil
}

// wantGeneration fails the test unless the object is of one of the
// generations. None stands for no object.
func wantGeneration(t *testing.T, root, key string, gens ...int) int {
	t.Helper()
	gen, err := generation(open(t, root), key)
	if errors.Is(err, backend.ErrNotExist) {
		gen, err = none, nil
	}
	if err != nil {
		t.Fatalf("Get(%q) = %v, want generation %v", key, err, gens)
	}
	if slices.Contains(gens, gen) {
		return gen
	}
	t.Fatalf("Get(%q) is generation %d, want %v", key, gen, gens)
	return gen
}

const none = -2

// wantClean fails the test if there is anything in root but whole objects.
func wantClean(t *testing.T, root string) {
	t.Helper()
	n, err := leftovers(root)
	if err != nil {
		t.Fatal(err)
	}
	if n != 0 {
		t.Fatalf("%d leftovers, want 0:\n%s", n, tree(root))
	}
}

// tree lists the files in root.
func tree(root string) string {
	var b strings.Builder
	filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err == nil {
			fmt.Fprintf(&b, "%v %s\n", e.Type(), strings.TrimPrefix(path, root))
		}
		return nil
	})
	return b.String()
}

// write writes a file with its folders, as another program would.
func write(t *testing.T, root, name string, data []byte) {
	t.Helper()
	path := filepath.Join(root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
}

// mustPut stores a generation and fails the test if that does not work.
func mustPut(t *testing.T, root, key string, gen int) {
	t.Helper()
	if err := put(open(t, root), key, gen); err != nil {
		t.Fatalf("Put(%q) of generation %d = %v", key, gen, err)
	}
}

// sweepAll opens root as New does a day later.
func sweepAll(t *testing.T, root string) {
	t.Helper()
	time.Sleep(time.Millisecond)
	d, err := dir.New(root, &dir.Options{SweepAge: 1})
	if err != nil {
		t.Fatalf("New = %v", err)
	}
	d.Close()
}

// memoryDir returns a folder in memory where the system has that, for tests
// of many steps that would mostly wait for the device.
func memoryDir(t *testing.T) string {
	t.Helper()
	if fi, err := os.Stat("/dev/shm"); err != nil || !fi.IsDir() {
		return t.TempDir()
	}
	root, err := os.MkdirTemp("/dev/shm", "s3seal-dir-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	return root
}
