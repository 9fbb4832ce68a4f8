// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
)

func TestHelp(t *testing.T) {
	r := cli(t, nil, "--help").want(t, exitOK)
	for _, word := range []string{"keygen", "put", "get", "cat", "stat", "rm", "ls", "audit", "verify", "rewrap", "migrate", "seal", "open", "serve", "kms-server", "kms:KEYID", "s3://BUCKET/KEY", "130 interrupted", "aes:FILE"} {
		if !strings.Contains(r.out, word) {
			t.Errorf("--help does not mention %q", word)
		}
	}
	for _, command := range []string{"keygen", "put", "get", "cat", "stat", "rm", "ls", "audit", "verify", "rewrap", "migrate", "seal", "open", "serve", "kms-server"} {
		t.Run(command, func(t *testing.T) {
			r := cli(t, nil, command, "--help").want(t, exitOK)
			if r.err != "" || !strings.Contains(r.out, "Example") || !strings.Contains(r.out, "    s3seal "+command) {
				t.Errorf("%s --help has no example:\n%s%s", command, r.out, r.err)
			}
			if strings.Count(r.out, "Usage:") != 1 {
				t.Errorf("%s --help is there %d times", command, strings.Count(r.out, "Usage:"))
			}
		})
	}
}

func TestVersion(t *testing.T) {
	if r := cli(t, nil, "--version").want(t, exitOK); !strings.HasPrefix(r.out, "s3seal ") || strings.Count(r.out, "\n") != 1 {
		t.Errorf("--version = %q, want one line", r.out)
	}
}

// TestUsageHint: a usage error says where the help is.
func TestUsageHint(t *testing.T) {
	cli(t, nil, "put", "--nonsense").want(t, exitUsage, "--nonsense", "s3seal put --help")
	cli(t, nil).want(t, exitUsage, "s3seal --help")
	cli(t, nil, "putt").want(t, exitUsage, "put", "s3seal --help")
	cli(t, nil, "get", "-k", "vault.key", "s3://b/k", "x").want(t, exitUsage, `"vault.key"`, "aes:FILE")
}

// TestBytesOfArguments: a file name that is not UTF-8 is still that file.
func TestBytesOfArguments(t *testing.T) {
	dir := t.TempDir()
	cli(t, nil, "keygen", dir+"/caf\xe9").want(t, exitOK)
	wantFiles(t, dir, "caf\xe9")
}
