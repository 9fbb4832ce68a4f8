// SPDX-License-Identifier: Apache-2.0

package main

import (
	"path/filepath"
	"testing"
)

// TestDoctorObject: a key is tried on the object that the address names.
func TestDoctorObject(t *testing.T) {
	noCredentials(t)
	ks := newKeySet(t)
	root := filepath.Join(t.TempDir(), "v")
	at := "dir:" + root + "//a/x"
	putN(t, ks.aes, at, 10).want(t, exitOK)
	writeFile(t, root, "plain", pattern(10))

	wantFinding(t, doctor(t, exitOK, "-k", ks.aes, at), "object", checkOK, at+": opens: yes")
	wantFinding(t, doctor(t, exitOK, "-k", ks.otherAES, "-k", ks.aes, at), "object", checkOK, "opens: yes")
	wantFinding(t, doctor(t, exitFailure, "-k", ks.otherAES, at), "object", checkFail, at+": cannot decrypt: wrong key")
	wantFinding(t, doctor(t, exitFailure, "-k", ks.rsa, at), "object", checkFail, "none of the keys fits")
	wantFinding(t, doctor(t, exitOK, "-k", ks.aes, at+"y"), "object", checkWarn, "is no object: the key was tried on none")
	wantFinding(t, doctor(t, exitOK, "-k", ks.aes, "dir:"+root+"//plain"), "object", checkWarn, "not encrypted")
	wantFinding(t, doctor(t, exitOK, "-k", ks.rsaPub, at), "object", checkSkip, "was not tried")

	note := "what it seals, it opens (no object was opened: s3seal stat -k " + ks.aes + " ADDRESS does that)"
	for _, place := range []string{"dir:" + root, "dir:" + root + "//a/"} {
		found := doctor(t, exitOK, "-k", ks.aes, place)
		wantFinding(t, found, "key", checkOK, note)
		if f, ok := found["object"]; ok {
			t.Errorf("%s: %+v, want no object", place, f)
		}
	}
}
