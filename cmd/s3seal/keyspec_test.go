// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseKeySpec(t *testing.T) {
	type desc = map[string]string
	for _, c := range []struct {
		in   string
		want keySpec
	}{
		{"aes:vault.key", keySpec{text: "aes:vault.key", scheme: keyAES, path: "vault.key"}},
		{"aes-raw:k", keySpec{text: "aes-raw:k", scheme: keyRaw, path: "k"}},
		{"aes-hex:k", keySpec{text: "aes-hex:k", scheme: keyHex, path: "k"}},
		{"aes-b64:k", keySpec{text: "aes-b64:k", scheme: keyBase64, path: "k"}},
		{"kms:alias/app#user=alice", keySpec{"kms:alias/app", keyKMS, "alias/app", desc{"user": "alice"}}},
		{"kms:arn:aws:kms:eu-west-1:1:key/2", keySpec{text: "kms:arn:aws:kms:eu-west-1:1:key/2", scheme: keyKMS, path: "arn:aws:kms:eu-west-1:1:key/2"}},
		{"kms-sidecar:alias/app#user=alice", keySpec{"kms-sidecar:alias/app", keySidecar, "alias/app", desc{"user": "alice"}}},
		{"insecure-rsa-raw:a.pem", keySpec{text: "insecure-rsa-raw:a.pem", scheme: keyRSARaw, path: "a.pem"}},
		{"rsa:a/b.pem", keySpec{text: "rsa:a/b.pem", scheme: keyRSA, path: "a/b.pem"}},
		{"aes:C:\\keys\\k", keySpec{text: "aes:C:\\keys\\k", scheme: keyAES, path: "C:\\keys\\k"}},
		{"aes:old.key#kid=2019", keySpec{"aes:old.key", keyAES, "old.key", desc{"kid": "2019"}}},
		{"aes:k#a=1,b=2=3,c=", keySpec{"aes:k", keyAES, "k", desc{"a": "1", "b": "2=3", "c": ""}}},
		{"aes:my#1.key#a=b", keySpec{"aes:my#1.key", keyAES, "my#1.key", desc{"a": "b"}}},
		{"aes:my#1.key#", keySpec{"aes:my#1.key", keyAES, "my#1.key", desc{}}},
	} {
		t.Run(c.in, func(t *testing.T) {
			got, err := parseKeySpec(c.in)
			if err != nil {
				t.Fatalf("parseKeySpec = %v", err)
			}
			if d := cmp.Diff(c.want, got, cmp.AllowUnexported(keySpec{})); d != "" {
				t.Errorf("parseKeySpec (-want +got):\n%s", d)
			}
		})
	}
}

func TestParseKeySpecRefuses(t *testing.T) {
	for _, in := range []string{
		"", "vault.key", "./vault.key", "aes", "aes:", "rsa:", "kms:", "kms:#a=b", "kms-sidecar:", "insecure-rsa-raw:", "rsa-raw:k", "AES:k", "gpg:k", "aes:#a=b", ":k",
		"aes:my#1.key", "aes:k#=b", "aes:k#a", "aes:k#a=1,a=2", "aes:k#a=1,", "aes:k#a=1,b",
	} {
		t.Run(in, func(t *testing.T) {
			got, err := parseKeySpec(in)
			var usage *usageError
			if !errors.As(err, &usage) {
				t.Errorf("parseKeySpec = %+v, %v; want a usage error", got, err)
			}
		})
	}
}

func TestMergePairs(t *testing.T) {
	got, err := mergePairs(map[string]string{"a": "1"}, map[string]string{"a": "1", "b": "2"}, "--matdesc")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]string{"a": "1", "b": "2"}, got); d != "" {
		t.Errorf("mergePairs (-want +got):\n%s", d)
	}
	if got, err := mergePairs(map[string]string{"a": "1"}, map[string]string{"a": "2"}, "--matdesc"); err == nil {
		t.Errorf("mergePairs of a contradiction = %v, want an error", got)
	}
	if got, err := mergePairs(nil, nil, "--matdesc"); err != nil || len(got) != 0 {
		t.Errorf("mergePairs(nil, nil) = %v, %v", got, err)
	}
}
