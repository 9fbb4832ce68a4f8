// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestProfileSecrets: no error about the files of AWS's tools repeats anything of
// what is in them.
func TestProfileSecrets(t *testing.T) {
	noCredentials(t)
	file := filepath.Join(t.TempDir(), "credentials")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file)
	closed := closedServer(t)
	for name, content := range map[string]string{
		"no =":              "[default]\naws_access_key_id = A\naws_secret_access_key hunter2\n",
		"a line of its own": "[default]\naws_access_key_id = A\naws_secret_access_key =\nhunter2\n",
		"no name":           "[default]\naws_access_key_id = A\n= hunter2\n",
		"open section":      "[default hunter2\naws_access_key_id = A\n",
		"open quote":        "[default]\naws_secret_access_key = \"\"\"hunter2\n",
		"open name":         "[default]\n\"hunter2 = A\n",
		"half":              "[default]\naws_secret_access_key = hunter2\n",
		"not JSON":          "[default]\ncredential_process = echo hunter2\n",
		"no program":        "[default]\ncredential_process = /nowhere/hunter2 hunter2\n",
		"SSO":               "[default]\nsso_role_name = hunter2\nsso_account_id = hunter2\nsso_start_url = https://hunter2\n",
	} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		stat := cli(t, nil, "stat", "--endpoint", closed, "s3://bucket/x")
		if first, _, _ := strings.Cut(stat.err, "\n"); stat.code != exitFailure || !strings.Contains(first, "requests are anonymous (the AWS profile default: ") {
			t.Errorf("%s: stat = %d, %q, want why there are no credentials", name, stat.code, stat.err)
		}
		for _, r := range []result{
			stat,
			cli(t, nil, "doctor", "--endpoint", "http://127.0.0.1:1"),
			cli(t, nil, "doctor", "--json", "--endpoint", "http://127.0.0.1:1"),
			cli(t, bytes.NewReader(nil), "put", "-k", "kms:alias/a", "-", "dir:"+t.TempDir()+"//x"),
		} {
			if all := r.out + r.err; strings.Contains(all, "hunter2") {
				t.Errorf("%s: %q repeats the secret", name, all)
			}
		}
	}
}

// closedServer returns the address of a server that lets nobody in. One that is
// not there would be asked again and again.
func closedServer(t *testing.T) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	t.Cleanup(srv.Close)
	return srv.URL
}

// TestProfileProcess: a program for credentials runs once, and why it gave none
// is said.
func TestProfileProcess(t *testing.T) {
	needShell(t)
	if runtime.GOOS == "windows" {
		t.Skip("its paths are not those of a shell")
	}
	noCredentials(t)
	dir := t.TempDir()
	runs := filepath.Join(dir, "runs")
	script := func(rest string) string {
		return "sh " + writeFile(t, t.TempDir(), "script", fmt.Appendf(nil, "echo run >>'%s'\n%s\n", runs, rest))
	}
	stat := []string{"stat", "--endpoint", closedServer(t), "s3://bucket/x"}
	for _, c := range []struct {
		process, want string
		args          []string
		runs          int
	}{
		{script("exit 3"), "credential_process failed: exit status 3", stat, 1},
		{filepath.Join(dir, "nothing") + " x", "there is no such program", stat, 0},
		{"no-such-command-here x", "there is no such program", stat, 0},
		{dir + " x", "permission denied", stat, 0},
		{"alone", "has no argument", stat, 0},
		{script("echo {"), "something else than credentials", stat, 1},
		{script("exit 3"), "credential_process failed: exit status 3", []string{"doctor", "--endpoint", "http://127.0.0.1:1"}, 1},
		{
			script(`echo '{"Version":1,"AccessKeyId":"A","SecretAccessKey":"S"}'`), "access key A from the AWS profile default",
			[]string{"doctor", "--endpoint", "http://127.0.0.1:1"},
			1,
		},
	} {
		os.Remove(runs)
		t.Setenv("AWS_CONFIG_FILE", writeFile(t, dir, "config", []byte("[default]\ncredential_process = "+c.process+"\n")))
		r := cli(t, nil, c.args...)
		ran, _ := os.ReadFile(runs)
		if got := bytes.Count(ran, []byte("run")); r.code != exitFailure || !strings.Contains(r.out+r.err, c.want) || got != c.runs {
			t.Errorf("%s: %d, %q%q, %d runs; want %q and %d", c.process, r.code, r.out, r.err, got, c.want, c.runs)
		}
	}
}
