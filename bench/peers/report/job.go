// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

const thisModule = "github.com/s3seal/s3seal"

// A job is what the parts share.
type job struct {
	root  string // of the repository
	tmp   string // folder that is removed at the end
	quick bool
}

// pick returns what is for the quick form or what is for the full one.
func pick[T any](j *job, quick, full T) T {
	if j.quick {
		return quick
	}
	return full
}

// moduleRoot asks the go command where the module under test is, which is part
// of the same checkout.
func moduleRoot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", thisModule).Output()
	if err != nil {
		return "", fmt.Errorf("find %s; run this by go run -C bench/peers ./report: %w", thisModule, err)
	}
	return strings.TrimSpace(string(out)), nil
}

// run runs a command and copies to out what it prints.
func (j *job) run(ctx context.Context, out io.Writer, env []string, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = j.root
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = out, &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(name), err, tail(stderr.String()))
	}
	return nil
}

// build compiles the command in folder dir of the repository, in the module that
// it is of, and returns its path.
func (j *job) build(ctx context.Context, dir string) (string, error) {
	bin := filepath.Join(j.tmp, filepath.Base(dir))
	if runtime.GOOS == "windows" {
		bin += ".exe"
	}
	if _, err := os.Stat(bin); err == nil {
		return bin, nil
	}
	return bin, j.run(ctx, io.Discard, nil, "go", "build", "-C", filepath.FromSlash(dir), "-o", bin, ".")
}

// header writes what the lines that follow depend on.
func (j *job) header(ctx context.Context, out io.Writer) error {
	lines := []string{
		"goos: " + runtime.GOOS, "goarch: " + runtime.GOARCH, fmt.Sprintf("cores: %d", runtime.NumCPU()),
		"go-version: " + runtime.Version(), "commit: " + j.commit(ctx), "measured: " + time.Now().UTC().Format("2006-01-02 15:04 UTC"),
	}
	if cpu := cpuModel(); cpu != "" {
		lines = append(lines, "cpu: "+cpu)
	}
	if load := load(); load != "" {
		lines = append(lines, "load: "+load)
	}
	_, err := fmt.Fprintln(out, strings.Join(lines, "\n"))
	return err
}

// commit returns the commit that is measured and its date.
func (j *job) commit(ctx context.Context) string {
	commit := j.version(ctx, "git", "log", "-1", "--format=%h of %cs")
	if commit == "" {
		return "unknown"
	}
	if j.run(ctx, io.Discard, nil, "git", "diff", "--quiet", "HEAD", "--", "*.go", "*go.mod") != nil {
		commit += ", altered"
	}
	return commit
}

// cpuModel returns what Linux calls the processor; go test tells it elsewhere.
func cpuModel() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(info)) {
		if key, value, _ := strings.Cut(line, ":"); strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// load returns how many processes wanted a core in the last minute.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	one, _, _ := strings.Cut(string(text), " ")
	return one
}

// version returns the first line of what a command prints, or "".
func (j *job) version(ctx context.Context, name string, args ...string) string {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = j.root
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSpace(line)
}

// moduleVersions returns path and version of modules, as that in folder dir of
// the repository pins them.
func (j *job) moduleVersions(ctx context.Context, dir string, modules ...string) (string, error) {
	args := append([]string{"list", "-C", filepath.FromSlash(dir), "-m", "-f", "{{.Path}} {{.Version}}"}, modules...)
	var out strings.Builder
	if err := j.run(ctx, &out, nil, "go", args...); err != nil {
		return "", err
	}
	return strings.Join(strings.Split(strings.TrimSpace(out.String()), "\n"), ", "), nil
}

// tail returns the last lines of a message.
func tail(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], "; ")
}
