// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"bufio"
	"bytes"
	"crypto/cipher"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/internal/vectors"
	"github.com/s3seal/s3seal/stream"
)

// A nistVector is one case of either kind of file.
type nistVector struct {
	id              int
	operation       string // CAVP: in which direction it is meant
	key, iv, pt, ct []byte
}

// loadCAVP reads a file of "Name: value" lines, with an empty line between
// vectors.
func loadCAVP(t *testing.T, name string) (all []nistVector) {
	t.Helper()
	fields := make(map[string]string)
	end := func() {
		if len(fields) == 0 {
			return
		}
		v := nistVector{id: len(all) + 1, operation: fields["Operation"]}
		for field, p := range map[string]*[]byte{"Key": &v.key, "IV": &v.iv, "Plaintext": &v.pt, "Ciphertext": &v.ct} {
			if *p = unhex(fields[field]); len(*p) == 0 {
				t.Fatalf("%s: vector %d has no %s", name, v.id, field)
			}
		}
		all = append(all, v)
		clear(fields)
	}
	for lines := bufio.NewScanner(bytes.NewReader(vectors.Read(t, "nist/"+name))); lines.Scan(); {
		field, value, ok := strings.Cut(lines.Text(), ": ")
		switch {
		case lines.Text() == "":
			end()
		case ok && !strings.HasPrefix(field, "#"):
			fields[field] = value
		}
	}
	end()
	return all
}

// TestNISTCBC runs CAVP's vectors for AES-CBC, which know no padding: a block of
// it is expected behind each.
func TestNISTCBC(t *testing.T) {
	for name, want := range map[string]int{
		"boringssl_cavp_aes_128_cbc.txt": 568,
		"boringssl_cavp_aes_256_cbc.txt": 810,
	} {
		all := loadCAVP(t, name)
		for _, c := range all {
			padding := bytes.Repeat([]byte{16}, 16)
			cipher.NewCBCEncrypter(newBlock(c.key), c.ct[len(c.ct)-16:]).CryptBlocks(padding, padding)
			v := vector{Key: c.key, IV: c.iv, Msg: c.pt, CT: append(c.ct, padding...)}
			switch c.operation {
			case "ENCRYPT":
				eachCall(t, c.id, v.cbcEncrypt)
			case "DECRYPT":
				eachCall(t, c.id, v.cbcDecrypt)
			default:
				t.Errorf("%s: vector %d: operation %q", name, c.id, c.operation)
			}
		}
		checkCount(t, name, len(all), want)
	}
}

// TestNISTCTR runs CAVP's vectors for AES-CTR.
func TestNISTCTR(t *testing.T) {
	for name, want := range map[string]int{
		"boringssl_cavp_aes_128_ctr.txt": 568,
		"boringssl_cavp_aes_256_ctr.txt": 810,
	} {
		all := loadCAVP(t, name)
		for _, c := range all {
			eachCall(t, c.id, c.ctr)
		}
		checkCount(t, name, len(all), want)
	}
}

func checkCount(t *testing.T, name string, got, want int) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %d vectors, want %d", name, got, want)
	}
	t.Logf("%s: %d vectors, each in calls of %v bytes", name, got, callSizes)
}

// ctr runs a vector in both directions, which are one, and from the middle on.
func (v nistVector) ctr(n calls, _ int) error {
	e, err := stream.NewCTRReader(n.source(v.pt), v.key, v.iv)
	if err != nil {
		return err
	}
	d, err := stream.NewCTRReader(n.source(v.ct), v.key, v.iv)
	if err != nil {
		return err
	}
	off := min(int(n), len(v.pt)-1)
	coff, cn, err := stream.CTRCiphertextRange(int64(off), int64(len(v.pt)-off))
	if err != nil {
		return err
	}
	r, err := stream.NewPlainCTRRangeReader(n.source(v.ct[coff:coff+cn]), v.key, v.iv, int64(off), int64(len(v.pt)-off))
	if err != nil {
		return err
	}
	return errors.Join(n.yields("encrypt", e, v.ct), n.yields("decrypt", d, v.pt), n.yields("range", r, v.pt[off:]))
}

// An acvpFile is a file of questions or one of answers. The answers lack what
// is in the questions.
type acvpFile struct {
	Algorithm  string
	TestGroups []struct {
		Direction string
		Tests     []struct {
			TcID            int
			Key, IV, PT, CT vectors.Hex
		}
	}
}

// loadACVP reads the second of the two values that such a file is a list of.
func loadACVP(t *testing.T, name string) (f acvpFile) {
	t.Helper()
	var list []json.RawMessage
	if err := json.Unmarshal(vectors.Read(t, "nist/"+name), &list); err != nil || len(list) != 2 {
		t.Fatalf("%s: %d values, %v, want 2", name, len(list), err)
	}
	if err := json.Unmarshal(list[1], &f); err != nil {
		t.Fatal(err)
	}
	return f
}

// TestNISTACVPCTR runs ACVP's vectors for AES-CTR, among them long ones whose
// counter overflows.
func TestNISTACVPCTR(t *testing.T) {
	answers := make(map[int]nistVector)
	for _, g := range loadACVP(t, "ACVP-AES-CTR.expected.json").TestGroups {
		for _, c := range g.Tests {
			answers[c.TcID] = nistVector{pt: c.PT, ct: c.CT}
		}
	}
	ran := 0
	for _, g := range loadACVP(t, "ACVP-AES-CTR.vectors.json").TestGroups {
		for _, c := range g.Tests {
			v := nistVector{id: c.TcID, key: c.Key, iv: c.IV, pt: c.PT, ct: answers[c.TcID].ct}
			if g.Direction == "decrypt" {
				v.pt, v.ct = answers[c.TcID].pt, c.CT
			}
			if len(v.pt) == 0 || len(v.pt) != len(v.ct) {
				t.Fatalf("tc=%d: no answer, or of another size", v.id)
			}
			ran++
			eachCall(t, v.id, v.ctr)
		}
	}
	checkCount(t, "ACVP-AES-CTR", ran, 48)
}
