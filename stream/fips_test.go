// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"bytes"
	"crypto/fips140"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/stream"
)

// TestFIPSOnly runs itself once more in a process with GODEBUG=fips140=only.
func TestFIPSOnly(t *testing.T) {
	if fips140.Enforced() {
		checkFIPSOnly(t)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestFIPSOnly$", "-test.v", "-test.timeout=2m")
	cmd.Env = append(os.Environ(), "GODEBUG=fips140=only")
	out, err := cmd.CombinedOutput()
	if strings.Contains(string(out), "incompatible with the purego build tag") {
		t.Skip("this build has no FIPS 140-3 mode: purego")
	}
	if err != nil {
		t.Errorf("under GODEBUG=fips140=only: %v\n%s", err, out)
	}
	if !strings.Contains(string(out), "checked under FIPS 140-only") {
		t.Errorf("the process did not run in FIPS 140-only mode:\n%s", out)
	}
}

func checkFIPSOnly(t *testing.T) {
	_, writer := stream.NewGCMEncryptWriter(io.Discard, testKey, testIV, nil)
	_, encrypt := stream.NewGCMEncryptReader(nil, testKey, testIV, nil)
	_, decrypt := stream.NewGCMDecryptReader(nil, testKey, testIV, nil, 100)
	_, unverified := stream.NewGCMUnverifiedReader(nil, testKey, testIV, nil)
	_, verify := stream.VerifyGCM(nil, testKey, testIV, nil)
	_, scan := stream.ScanGCM(nil, testKey, testIV, nil)
	for name, err := range map[string]error{
		"writer": writer, "encrypt": encrypt, "decrypt": decrypt, "unverified": unverified, "verify": verify, "scan": scan,
	} {
		if !errors.Is(err, stream.ErrFIPS) {
			t.Errorf("GCM %s: %v, want ErrFIPS", name, err)
		}
	}

	m := cbcMode()
	if err := checkSize(m, 48, 200); err != nil {
		t.Errorf("CBC: %v", err)
	}
	body := blocksAt(0, text(100))
	r, err := stream.NewCTRRangeReader(bytes.NewReader(body), testKey, testIV, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	if err := checkReader(r, text(100)); err != nil {
		t.Errorf("CTR: %v", err)
	}
	checkRandomAccessFIPS(t)
	checkFIPSHandedOn(t)
	t.Log("checked under FIPS 140-only")
}

// checkFIPSHandedOn uses a stream of several chunks outside the function that
// was free to make it.
func checkFIPSHandedOn(t *testing.T) {
	var got bytes.Buffer
	var w *stream.GCMEncryptWriter
	var err error
	fips140.WithoutEnforcement(func() {
		w, err = stream.NewGCMEncryptWriter(&got, testKey, testIV, nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	plain := text(3*stream.DefaultChunkSize + 1)
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var r io.Reader
	fips140.WithoutEnforcement(func() {
		r, err = stream.NewGCMUnverifiedReader(&got, testKey, testIV, nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := checkReader(r, plain); err != nil {
		t.Errorf("GCM handed on: %v", err)
	}
}
