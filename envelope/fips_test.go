// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/envelope/dare"
	"github.com/s3seal/s3seal/internal/fipstest"
	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/wrap"
)

// TestFIPSOnly calls every function of the package in FIPS 140-only mode: GCM
// content is refused there when its first byte is asked for, though its keys
// and headers are not; CBC content works.
func TestFIPSOnly(t *testing.T) {
	fipstest.Walk(t, fipsWorks, fipsRefused, stream.ErrFIPS, wrap.ErrFIPS)
}

var (
	fipsCBC = pair{envelope.V2CBC, wrap.AESGCM}
	fipsGCM = pair{envelope.V3, wrap.AESGCM}
)

func (p pair) sealer(t *testing.T) *envelope.Sealer {
	return must[*envelope.Sealer](t)(envelope.NewSealer(t.Context(), p.key(t), p.options()))
}

// fipsSealer seals with GCM in some way.
func fipsSealer(use func(s *envelope.Sealer) error) func(t *testing.T) error {
	return func(t *testing.T) error { return use(fipsGCM.sealer(t)) }
}

// fipsOpener opens an object sealed with GCM, of which nothing needs to be
// there, under a release rule.
func fipsOpener(release envelope.Release) func(t *testing.T) error {
	return func(t *testing.T) error {
		s := fipsGCM.sealer(t)
		o, err := envelope.NewOpener(t.Context(), s.Header(), fipsGCM.key(t), &envelope.OpenOptions{Release: release})
		if err != nil {
			return fmt.Errorf("NewOpener: %v", err) // is no refusal
		}
		r, err := o.Reader(bytes.NewReader(make([]byte, 100)), 100)
		if err == nil {
			_, err = r.Read(make([]byte, 1))
			r.Close()
		}
		return err
	}
}

var fipsRefused = fipstest.Calls{
	"NewSealer/Reader": fipsSealer(func(s *envelope.Sealer) error { _, err := s.Reader(bytes.NewReader(nil)); return err }),
	"NewSealer/Writer": fipsSealer(func(s *envelope.Sealer) error { _, err := s.Writer(io.Discard); return err }),
	"NewSealer/Parts":  fipsSealer(func(s *envelope.Sealer) error { _, err := s.Parts(); return err }),
	"NewOpener/Reader": fipsOpener(nil),
	"NewSealer/Chunked": func(t *testing.T) error {
		_, err := pair{envelope.Chunked, wrap.AESGCM}.sealer(t).Reader(bytes.NewReader(nil))
		return err
	},
	"NewSealer/DARE2": func(t *testing.T) error {
		_, err := pair{dare.DARE2, wrap.AESGCM}.sealer(t).Writer(io.Discard)
		return err
	},
	"Buffered":            fipsOpener(envelope.Buffered(1000)),
	"UnverifiedUntilEOF":  fipsOpener(envelope.UnverifiedUntilEOF()),
	"Spool":               fipsOpener(envelope.Spool("", 1000)),
	"TwoPass":             fipsOpener(envelope.TwoPass(func() (io.ReadCloser, error) { return nil, errors.New("not now") })),
	"ResumeParts/refused": func(t *testing.T) error { return fipsResume(t, fipsGCM, make([]byte, stream.PartStateSize)) },
}

func fipsResume(t *testing.T, p pair, states []byte) error {
	_, err := envelope.ResumeParts(t.Context(), p.sealer(t).Header(), p.key(t), states)
	return err
}

var fipsWorks = fipstest.Calls{
	"NewSealer":   fipsRoundTrip,
	"NewOpener":   fipsRoundTrip,
	"ParseHeader": fipsRoundTrip,
	"ResumeParts": func(t *testing.T) error {
		s := fipsCBC.sealer(t)
		_, states := sealParts(t, must[*envelope.Parts](t)(s.Parts()), 0, 32, 16)
		_, err := envelope.ResumeParts(t.Context(), s.Header(), fipsCBC.key(t), states)
		return err
	},
	"Rewrap": func(t *testing.T) error { // also of content that is refused
		for _, p := range []pair{fipsCBC, fipsGCM, {envelope.Chunked, wrap.AESGCM}} {
			h := p.sealer(t).Header()
			if _, err := envelope.Rewrap(t.Context(), h, p.key(t), p.key(t), &envelope.RewrapOptions{Open: everything()}); err != nil {
				return err
			}
		}
		return nil
	},
	"NewSuite": func(t *testing.T) error { // which only the packages below can call
		_, err := envelope.NewSealer(t.Context(), fipsGCM.key(t), &envelope.SealOptions{Suite: dare.DARE2})
		return err
	},
	"NewWriteCache": func(t *testing.T) error {
		c, err := envelope.NewWriteCache(&generator{Key: fipsGCM.key(t)}, nil)
		if err != nil {
			return err
		}
		_, err = envelope.NewSealer(t.Context(), c, nil)
		return err
	},
	"ParseInstructionFile":       fipsInstructionFile,
	"ParseDotNetInstructionFile": fipsInstructionFile,
	"IsInstructionFile":          fipsInstructionFile,
	"NeedsInstructionFile":       fipsInstructionFile,

	"RequireEncryptRequireDecrypt":  fipsPreset(envelope.RequireEncryptRequireDecrypt),
	"RequireEncryptAllowDecrypt":    fipsPreset(envelope.RequireEncryptAllowDecrypt),
	"ForbidEncryptAllowDecrypt":     fipsPreset(envelope.ForbidEncryptAllowDecrypt),
	"EncryptionOnly":                fipsPreset(envelope.EncryptionOnly),
	"AuthenticatedEncryption":       fipsPreset(envelope.AuthenticatedEncryption),
	"StrictAuthenticatedEncryption": fipsPreset(envelope.StrictAuthenticatedEncryption),
}

// fipsRoundTrip seals and opens CBC content.
func fipsRoundTrip(t *testing.T) error {
	o := sealObject(t, fipsCBC.key(t), fipsCBC.options(), partsPlain)
	opts := everything()
	got, err := o.open(t.Context(), fipsCBC.key(t), &opts)
	if err == nil && !bytes.Equal(got, partsPlain) {
		return fmt.Errorf("opened %q, want %q", got, partsPlain)
	}
	return err
}

func fipsInstructionFile(t *testing.T) error {
	meta, file, err := fipsCBC.sealer(t).Header().InstructionFile()
	if err != nil {
		return err
	}
	_, e1 := envelope.ParseInstructionFile(meta, bytes.NewReader(file))
	_, e2 := envelope.ParseDotNetInstructionFile(meta, bytes.NewReader(file))
	is, e3 := envelope.IsInstructionFile(bytes.NewReader(file))
	if !is || !envelope.NeedsInstructionFile(meta) {
		return errors.New("an instruction file is taken for none")
	}
	return errors.Join(e1, e2, e3)
}

func fipsPreset(preset func() envelope.Preset) func(t *testing.T) error {
	return func(t *testing.T) error {
		p := preset()
		s, err := envelope.NewSealer(t.Context(), fipsGCM.key(t), &p.Seal)
		if err != nil {
			return err
		}
		_, err = envelope.NewOpener(t.Context(), s.Header(), fipsGCM.key(t), &p.Open)
		return err
	}
}
