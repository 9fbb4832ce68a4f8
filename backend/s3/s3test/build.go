// SPDX-License-Identifier: Apache-2.0

package s3test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// The server comes from the nested module beside this file, which pins it and
// all that it is made of. It is a module of its own so that those who import
// s3seal do not inherit its dependencies.
const (
	versitygwVersion = "v1.8.0" // for messages; the nested go.mod decides
	versitygwPackage = "github.com/versity/versitygw/cmd/versitygw"
	thisPackage      = "github.com/s3seal/s3seal/backend/s3/s3test"
	buildTimeout     = 9 * time.Minute // less than the default of go test
)

// versitygwBinary returns the path of the server, which it builds if this user
// has not got it yet. Of several processes that want it one builds.
func versitygwBinary() (string, error) {
	module, err := nestedModule()
	if err != nil {
		return "", err
	}
	bin, err := cachePath(module)
	if err != nil || exists(bin) {
		return bin, err
	}
	if err := os.MkdirAll(filepath.Dir(bin), 0o700); err != nil {
		return "", err
	}
	unlock, err := lockFile(bin+".lock", func() {
		fmt.Fprintln(os.Stderr, "s3test: waiting for another process that builds versitygw")
	})
	if err != nil {
		return "", err
	}
	defer unlock()
	if exists(bin) {
		return bin, nil
	}
	return bin, build(module, bin)
}

// nestedModule finds the folder of the nested module. It asks the go command,
// because the path of a source file is not to be had under -trimpath.
func nestedModule() (string, error) {
	out, err := goCommand(context.Background(), "list", "-f", "{{.Dir}}", thisPackage)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(strings.TrimSpace(out), "versitygw")
	if !exists(filepath.Join(dir, "go.mod")) {
		return "", fmt.Errorf("there is no module at %s: it is part of a checkout only", dir)
	}
	return dir, nil
}

// cachePath names the binary by all that decides its contents.
func cachePath(module string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintln(h, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	for _, name := range []string{"go.mod", "go.sum"} {
		b, err := os.ReadFile(filepath.Join(module, name))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%d\n%s", len(b), b)
	}
	name := fmt.Sprintf("versitygw-%s-%x", versitygwVersion, h.Sum(nil)[:6])
	return filepath.Join(cache, "s3seal", executable(name)), nil
}

// executable returns what this system wants a program to be called.
func executable(name string) string {
	if runtime.GOOS == "windows" {
		return name + ".exe"
	}
	return name
}

// build writes beside bin and renames, so that what is at bin is whole.
func build(module, bin string) error {
	fmt.Fprintf(os.Stderr, "s3test: building versitygw %s into %s; this takes about a minute, once\n", versitygwVersion, bin)
	ctx, cancel := context.WithTimeout(context.Background(), buildTimeout)
	defer cancel()
	tmp := fmt.Sprintf("%s.%d.tmp", bin, os.Getpid())
	defer os.Remove(tmp)
	begin := time.Now()
	if _, err := goCommand(ctx, "build", "-C", module, "-trimpath", "-o", tmp, versitygwPackage); err != nil {
		return fmt.Errorf("build versitygw: %w", err)
	}
	if err := os.Rename(tmp, bin); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "s3test: built versitygw in %v\n", time.Since(begin).Round(time.Second))
	return nil
}

// goCommand runs the go command without the settings that are meant for the
// tests: flags such as -race or -mod=vendor, a workspace, another target.
func goCommand(ctx context.Context, args ...string) (string, error) {
	bin, err := exec.LookPath("go")
	if err != nil {
		return "", errors.New("there is no go command in PATH to build it with")
	}
	cmd := exec.CommandContext(ctx, bin, args...)
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0",
		"GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return "", fmt.Errorf("go %s: %w: %s", args[0], err, tail(string(exit.Stderr)))
	}
	return string(out), err
}

// tail returns the last lines of a message, where the go command has the cause.
func tail(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], "; ")
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
