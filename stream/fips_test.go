// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"bytes"
	"crypto/fips140"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/s3seal/s3seal/internal/fipstest"
	"github.com/s3seal/s3seal/stream"
)

// TestFIPSOnly calls every function of the package in FIPS 140-only mode: GCM
// with an IV of the caller's is refused there, all else works.
func TestFIPSOnly(t *testing.T) { fipstest.Walk(t, fipsWorks, fipsRefused, stream.ErrFIPS) }

var fipsRefused = fipstest.Calls{
	"NewGCMEncryptWriter": func(*testing.T) error {
		return onlyError(stream.NewGCMEncryptWriter(io.Discard, testKey, testIV, nil))
	},
	"NewGCMEncryptReader": func(*testing.T) error {
		return onlyError(stream.NewGCMEncryptReader(nil, testKey, testIV, nil))
	},
	"NewGCMDecryptReader": func(*testing.T) error {
		return onlyError(stream.NewGCMDecryptReader(nil, testKey, testIV, nil, 100))
	},
	"NewGCMUnverifiedReader": func(*testing.T) error {
		return onlyError(stream.NewGCMUnverifiedReader(nil, testKey, testIV, nil))
	},
	"NewGCMParts": func(*testing.T) error { return onlyError(stream.NewGCMParts(testKey, testIV, nil)) },
	"NewGCMUnverifiedParts": func(*testing.T) error {
		return onlyError(stream.NewGCMUnverifiedParts(testKey, testIV, nil, 100))
	},
	"ScanGCM": func(*testing.T) error { return onlyError(stream.ScanGCM(nil, testKey, testIV, nil)) },
	"VerifyGCM": func(*testing.T) error {
		_, err := stream.VerifyGCM(nil, testKey, testIV, nil)
		return err
	},
}

// onlyError returns the error of a constructor, which must come alone.
func onlyError[T any](v *T, err error) error {
	if v != nil && err != nil {
		return fmt.Errorf("%T came with the error %v", v, err)
	}
	return err
}

var fipsWorks = fipstest.Calls{
	"NewCBCEncryptWriter": fipsCBC,
	"NewCBCEncryptReader": fipsCBC,
	"NewCBCDecryptReader": fipsCBC,
	"NewCBCParts":         fipsCBCParts,

	"NewCTRReader": func(*testing.T) error {
		once, err := stream.NewCTRReader(bytes.NewReader(text(100)), testKey, testIV2)
		if err != nil {
			return err
		}
		twice, err := stream.NewCTRReader(once, testKey, testIV2)
		if err != nil {
			return err
		}
		return checkReader(twice, text(100))
	},
	"NewCTRRangeReader": func(*testing.T) error {
		r, err := stream.NewCTRRangeReader(bytes.NewReader(blocksAt(0, text(100))), testKey, testIV, 0, 100)
		if err != nil {
			return err
		}
		return checkReader(r, text(100))
	},
	"NewPlainCTRRangeReader": func(*testing.T) error {
		r, err := stream.NewPlainCTRRangeReader(bytes.NewReader(make([]byte, 100)), testKey, testIV2, 0, 100)
		if err != nil {
			return err
		}
		_, err = io.ReadAll(r)
		return err
	},
	"NewCBCRangeReader":             fipsRandomAccess,
	"NewCBCReaderAt":                fipsRandomAccess,
	"NewCTRReaderAt":                fipsRandomAccess,
	"NewGCMUnauthenticatedReaderAt": fipsRandomAccess,

	"NewGCMEncryptWriter/handed on": fipsHandedOn,
	"NewGCMParts/handed on":         fipsPartsHandedOn,

	"CBCCiphertextSize": fipsSizes, "GCMCiphertextSize": fipsSizes, "GCMPlaintextSize": fipsSizes,
	"CBCCiphertextRange": fipsSizes, "CTRCiphertextRange": fipsSizes, "GCMCiphertextRange": fipsSizes,
}

func fipsCBC(*testing.T) error { return checkSize(cbcMode(), 48, 200) }

// fipsCBCParts also seals and opens states.
func fipsCBCParts(*testing.T) error {
	d := someParts()
	p, err := stream.NewCBCParts(d.key, d.iv2)
	if err != nil {
		return err
	}
	_, state, err := p.Encrypt(nil, d.plain[:48], 0)
	if err != nil {
		return err
	}
	if p, err = stream.NewCBCParts(d.key, d.iv2); err != nil {
		return err
	}
	if err := p.Restore(state); err != nil {
		return err
	}
	return calls(48).joins(p, d.plain, d.cbc())
}

func fipsRandomAccess(t *testing.T) error {
	checkRandomAccessFIPS(t)
	return nil
}

func fipsSizes(*testing.T) error {
	_, e1 := stream.CBCCiphertextSize(1)
	_, e2 := stream.GCMCiphertextSize(1)
	_, e3 := stream.GCMPlaintextSize(17)
	_, _, e4 := stream.CBCCiphertextRange(0, 1, 16)
	_, _, e5 := stream.CTRCiphertextRange(0, 1)
	_, _, e6 := stream.GCMCiphertextRange(0, 1)
	return errors.Join(e1, e2, e3, e4, e5, e6)
}

// fipsHandedOn uses a stream of several chunks outside the function that was
// free to make it.
func fipsHandedOn(*testing.T) error {
	var got bytes.Buffer
	var w *stream.GCMEncryptWriter
	var r io.Reader
	var err error
	fips140.WithoutEnforcement(func() {
		w, err = stream.NewGCMEncryptWriter(&got, testKey, testIV, nil)
	})
	if err != nil {
		return err
	}
	plain := text(3*stream.DefaultChunkSize + 1)
	if err := writeAll(w, plain); err != nil {
		return err
	}
	fips140.WithoutEnforcement(func() {
		r, err = stream.NewGCMUnverifiedReader(&got, testKey, testIV, nil)
	})
	if err != nil {
		return err
	}
	return checkReader(r, plain)
}

// fipsPartsHandedOn does the same with parts.
func fipsPartsHandedOn(*testing.T) error {
	d := someParts()
	var p *stream.Parts
	var err error
	var want []byte
	fips140.WithoutEnforcement(func() {
		p, err = stream.NewGCMParts(d.key, d.iv, d.aad)
		want = d.gcm()
	})
	if err != nil {
		return err
	}
	return calls(48).joins(p, d.plain, want)
}
