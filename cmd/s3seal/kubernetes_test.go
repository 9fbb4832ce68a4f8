// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend/s3/s3test"
)

// A manifest is what a test needs of a Job.
type manifest struct {
	values map[string]string // of scalars, by name; those of containers, too
	lists  map[string][]string
	env    map[string]string
}

// readManifest reads the YAML that the one file is in: names with scalars, and
// lists of scalars. What it does not know it refuses.
func readManifest(t *testing.T, path string) *manifest {
	t.Helper()
	m := &manifest{make(map[string]string), make(map[string][]string), make(map[string]string)}
	list, name := "", ""
	for n, line := range strings.Split(string(readFile(t, path)), "\n") {
		text := strings.TrimSpace(line)
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		if strings.Contains(line, "\t") {
			t.Fatalf("%s:%d: a tab", path, n+1)
		}
		item, isItem := strings.CutPrefix(text, "- ")
		field, value, pair := strings.Cut(item, ":")
		pair = pair && (value == "" || value[0] == ' ')
		switch {
		case isItem && !pair:
			m.lists[list] = append(m.lists[list], scalar(t, item))
			continue
		case !pair:
			t.Fatalf("%s:%d: %q, want name: value or - value", path, n+1, line)
		}
		value = strings.TrimSpace(value)
		switch {
		case value == "":
			list = field
		case field == "name":
			name = scalar(t, value)
		case field == "value":
			m.env[name] = scalar(t, value)
		case strings.HasPrefix(value, "["):
			m.lists[field] = append(m.lists[field], flow(t, value)...)
		default:
			m.values[field] = scalar(t, value)
		}
	}
	return m
}

// scalar reads a text in quotes or without.
func scalar(t *testing.T, s string) string {
	t.Helper()
	if strings.HasPrefix(s, `"`) {
		text, err := strconv.Unquote(s)
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		return text
	}
	s, _, _ = strings.Cut(s, " #")
	if strings.ContainsAny(s[:1], "&*!|>'%@`{}[],?") || strings.Contains(s, ": ") {
		t.Fatalf("%s: want it in double quotes", s)
	}
	return strings.TrimSpace(s)
}

// flow reads [a, b].
func flow(t *testing.T, s string) (all []string) {
	t.Helper()
	for item := range strings.SplitSeq(strings.Trim(s, "[]"), ",") {
		all = append(all, scalar(t, strings.TrimSpace(item)))
	}
	return all
}

// expand replaces $(NAME) as Kubernetes does, where all names are known.
func expand(t *testing.T, s string, env map[string]string) string {
	t.Helper()
	for name, value := range env {
		s = strings.ReplaceAll(s, "$("+name+")", value)
	}
	if strings.Contains(s, "$(") {
		t.Fatalf("%s: a variable that nobody sets", s)
	}
	return s
}

const jobFile = "kubernetes/rewrap-job.yaml"

// TestKubernetesManifest: the parts of the Job fit together.
func TestKubernetesManifest(t *testing.T) {
	m := readManifest(t, jobFile)
	for name, want := range map[string]string{
		"kind": "Job", "completionMode": "Indexed", "restartPolicy": "Never",
		"completions": m.env["SHARDS"], "parallelism": m.env["SHARDS"],
	} {
		if got := m.values[name]; got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if got := strings.Join(m.lists["values"], " "); got != fmt.Sprint(exitUsage, exitNotFound, exitPartly) {
		t.Errorf("exit codes that fail an index: %s", got)
	}
	if got := m.lists["command"]; len(got) != 1 || filepath.Base(got[0]) != "s3seal" {
		t.Errorf("command: %q", got)
	}
}

// TestKubernetesJob runs what the pods of the Job would run, all at once, in an
// environment of its own: all objects are rewrapped, and none by two of them.
func TestKubernetesJob(t *testing.T) {
	srv := s3test.MinIO(t)
	ks, bucket, dir := newKeySet(t), srv.NewBucket(t), t.TempDir()
	env := s3Env(srv)
	const n = 40
	for i := range n {
		c := startEnv(t, env, "put", "-q", "-k", ks.aes, "-", fmt.Sprintf("s3://%s/p/%02d", bucket, i))
		fmt.Fprint(c.stdin, "content")
		c.stdin.Close()
		if code := c.wait(t); code != exitOK {
			t.Fatalf("put: exit code %d: %s", code, c.stderr.String())
		}
	}
	m := readManifest(t, jobFile)
	completions, err := strconv.Atoi(m.values["completions"])
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]string{"/keys/old.key": strings.TrimPrefix(ks.aes, "aes:"), "/keys/new.key": strings.TrimPrefix(ks.otherAES, "aes:")}
	var pods []*child
	for index := range completions {
		vars := map[string]string{"BUCKET": bucket, "PREFIX": "p/", "SHARDS": m.env["SHARDS"], "JOB_COMPLETION_INDEX": strconv.Itoa(index)}
		var args []string
		for _, arg := range m.lists["args"] {
			arg = expand(t, arg, vars)
			for file, real := range keys {
				arg = strings.ReplaceAll(arg, file, real)
			}
			args = append(args, strings.ReplaceAll(arg, "/journal/", dir+string(filepath.Separator)))
		}
		pods = append(pods, startEnv(t, env, args...))
	}
	wantPods(t, pods, n)
	journals, err := filepath.Glob(filepath.Join(dir, "rewrap-*.journal"))
	if err != nil || len(journals) != completions {
		t.Errorf("journals: %q, %v, want %d", journals, err, completions)
	}
	c := startEnv(t, env, "verify", "-k", ks.otherAES, "--json", "s3://"+bucket+"/p/")
	if code := c.wait(t); code != exitOK || summaryOf(t, result{out: c.stdout.String()}).Done != n {
		t.Errorf("verify: exit code %d, %s %s", code, c.stdout.String(), c.stderr.String())
	}
}

// wantPods fails the test unless the pods have done n objects together, each some.
func wantPods(t *testing.T, pods []*child, n int64) {
	t.Helper()
	var done int64
	for i, c := range pods {
		if code := c.wait(t); code != exitOK {
			t.Fatalf("pod %d: exit code %d: %s", i, code, c.stderr.String())
		}
		s := summaryOf(t, result{out: c.stdout.String()})
		if s.Done == 0 || s.Skipped != 0 {
			t.Errorf("pod %d: %+v, want that it has done some", i, s)
		}
		done += s.Done
	}
	if done != n {
		t.Errorf("the pods have rewrapped %d objects, want %d", done, n)
	}
}

// TestManifestReader: the reader refuses what it does not understand.
func TestManifestReader(t *testing.T) {
	m := readManifest(t, writeFile(t, t.TempDir(), "m.yaml", []byte("a: 1 # b\nlist:\n  - x:y\n  - \"- z\"\nflow: [1, 2]\nenv:\n  - name: N\n    value: \"\"\n")))
	if m.values["a"] != "1" || strings.Join(m.lists["list"], "|") != "x:y|- z" || strings.Join(m.lists["flow"], "|") != "1|2" {
		t.Errorf("manifest = %+v", m)
	}
	if value, ok := m.env["N"]; !ok || value != "" {
		t.Errorf("env = %q", m.env)
	}
	if _, err := os.Stat(jobFile); err != nil {
		t.Error(err)
	}
}
