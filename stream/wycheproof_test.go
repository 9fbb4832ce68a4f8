// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/s3seal/s3seal/internal/vectors"
	"github.com/s3seal/s3seal/stream"
)

// A vector is a test of either file; CBC has neither aad nor tag.
type vector struct {
	TcID                       int `json:"tcId"`
	Comment, Result            string
	Key, IV, AAD, Msg, CT, Tag vectors.Hex
}

type vectorGroup struct {
	TagSize int
	Tests   []vector
}

// callSizes are the sizes in bytes in which vectors go through the streams: what
// the caller asks for or gives in one call, and what a source delivers in one.
// The last is all at once.
var callSizes = []calls{1, 2, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 512, 1 << 20}

// pieceSizes are those in which streams work inside. Their number has no
// factor in common with that of callSizes, so that all pairs occur.
var pieceSizes = []int{stream.DefaultChunkSize, 16, 48, 64, 256}

// calls is a size of calls in bytes.
type calls int

// eachCall calls f for all sizes of calls, each with a size of pieces. id, the
// number of a vector, decides about which with which.
func eachCall(t *testing.T, id int, f func(n calls, piece int) error) {
	t.Helper()
	for i, n := range callSizes {
		piece := pieceSizes[(id+i)%len(pieceSizes)]
		if err := f(n, piece); err != nil {
			t.Errorf("tc=%d,calls=%d,piece=%d: %v", id, n, piece, err)
		}
	}
}

// source delivers p.
func (n calls) source(p []byte) io.Reader {
	return &stepReader{bytes.NewReader(p), []int{int(n)}, 0}
}

// read reads r to its end.
func (n calls) read(r io.Reader) (got []byte, err error) {
	buf := make([]byte, min(int(n), 1<<10)) // more than any vector has
	for {
		m, err := r.Read(buf)
		got = append(got, buf[:m]...)
		if err == io.EOF {
			return got, nil
		}
		if err != nil {
			return got, err
		}
	}
}

// yields says whether r yields want.
func (n calls) yields(name string, r io.Reader, want []byte) error {
	got, err := n.read(r)
	if err != nil || !bytes.Equal(got, want) {
		return fmt.Errorf("%s: %x, %v, want %x", name, got, err, want)
	}
	return nil
}

// writes says whether w turns p into want, which out collects.
func (n calls) writes(name string, w io.WriteCloser, out *bytes.Buffer, p, want []byte) error {
	for part := range slices.Chunk(p, int(n)) {
		if m, err := w.Write(part); m != len(part) || err != nil {
			return fmt.Errorf("%s: Write = %d, %w, want %d", name, m, err, len(part))
		}
	}
	if err := w.Close(); err != nil || !bytes.Equal(out.Bytes(), want) {
		return fmt.Errorf("%s: %x, %v, want %x", name, out.Bytes(), err, want)
	}
	return nil
}

// joins says whether p, in parts of about n bytes, joins up to want.
func (n calls) joins(parts *stream.Parts, p, want []byte) error {
	var got []byte
	for part := range slices.Chunk(p, (int(n)+15)/16*16) {
		ct, _, err := parts.Encrypt(nil, part, int64(len(got)))
		if err != nil {
			return fmt.Errorf("Parts: %w", err)
		}
		got = append(got, ct...)
	}
	trailer, _, err := parts.Finish(int64(len(p)))
	if got = append(got, trailer...); err != nil || !bytes.Equal(got, want) {
		return fmt.Errorf("Parts: %x, %v, want %x", got, err, want)
	}
	return nil
}

// TestWycheproofGCM runs all vectors for AES-GCM through the streams. IVs and
// tags of other sizes than ours must be refused, and by the constructor.
func TestWycheproofGCM(t *testing.T) {
	ran := map[string]int{}
	for _, g := range vectors.Wycheproof[vectorGroup](t, "aes_gcm_test.json") {
		for _, v := range g.Tests {
			switch {
			case g.TagSize != 8*stream.GCMTagSize:
				t.Errorf("tc=%d: no rule for tags of %d bits", v.TcID, g.TagSize)
			case len(v.IV) != stream.GCMIVSize:
				ran["refused"]++
				checkIVRefused(t, v)
			case v.Result == "valid":
				ran[v.Result]++
				eachCall(t, v.TcID, v.gcm)
			default:
				ran[v.Result]++
				eachCall(t, v.TcID, v.gcmInvalid)
			}
		}
	}
	if ran["valid"] < 100 || ran["invalid"] < 20 || ran["refused"] < 50 {
		t.Errorf("vectors run: %v, want more", ran)
	}
	t.Logf("vectors run: %v, each in calls of %v bytes", ran, callSizes)
}

func checkIVRefused(t *testing.T, v vector) {
	t.Helper()
	_, writer := stream.NewGCMEncryptWriter(io.Discard, v.Key, v.IV, v.AAD)
	_, encrypt := stream.NewGCMEncryptReader(nil, v.Key, v.IV, v.AAD)
	_, decrypt := stream.NewGCMDecryptReader(nil, v.Key, v.IV, v.AAD, 100)
	_, unverified := stream.NewGCMUnverifiedReader(nil, v.Key, v.IV, v.AAD)
	_, verify := stream.VerifyGCM(nil, v.Key, v.IV, v.AAD)
	_, ctr := stream.NewCTRRangeReader(nil, v.Key, v.IV, 0, 1)
	_, parts := stream.NewGCMParts(v.Key, v.IV, v.AAD)
	for i, err := range []error{writer, encrypt, decrypt, unverified, verify, ctr, parts} {
		if err == nil {
			t.Errorf("tc=%d: constructor %d accepted an IV of %d bytes", v.TcID, i, len(v.IV))
		}
	}
}

// gcm runs a valid vector.
func (v vector) gcm(n calls, piece int) error {
	sealed := append(bytes.Clone(v.CT), v.Tag...)
	var buf bytes.Buffer
	w := stream.SetChunkSize(must(stream.NewGCMEncryptWriter(&buf, v.Key, v.IV, v.AAD)), piece)
	e := stream.SetChunkSize(must(stream.NewGCMEncryptReader(n.source(v.Msg), v.Key, v.IV, v.AAD)), piece)
	d := stream.SetChunkSize(must(stream.NewGCMDecryptReader(n.source(sealed), v.Key, v.IV, v.AAD, 1<<20)), piece)
	u := stream.SetChunkSize(must(stream.NewGCMUnverifiedReader(n.source(sealed), v.Key, v.IV, v.AAD)), piece)
	size, verify := stream.VerifyGCMChunks(n.source(sealed), v.Key, v.IV, v.AAD, piece)
	if verify != nil || size != int64(len(v.Msg)) {
		verify = fmt.Errorf("VerifyGCM = %d, %w, want %d", size, verify, len(v.Msg))
	}
	return errors.Join(
		n.writes("EncryptWriter", w, &buf, v.Msg, sealed),
		n.yields("EncryptReader", e, sealed),
		n.joins(stream.SetPartChunk(must(stream.NewGCMParts(v.Key, v.IV, v.AAD)), piece), v.Msg, sealed),
		n.yields("DecryptReader", d, v.Msg),
		n.yields("UnverifiedReader", u, v.Msg),
		verify,
		v.ctrRange(n),
	)
}

// ctrRange decrypts what follows the first n bytes of a GCM body.
func (v vector) ctrRange(n calls) error {
	off := min(len(v.Msg), int(n))
	coff, cn, err := stream.GCMCiphertextRange(int64(off), int64(len(v.Msg)-off))
	if err != nil {
		return err
	}
	r, err := stream.NewCTRRangeReader(n.source(v.CT[coff:coff+cn]), v.Key, v.IV, int64(off), int64(len(v.Msg)-off))
	if err != nil {
		return err
	}
	return n.yields("CTRRangeReader", r, v.Msg[off:])
}

// gcmInvalid runs a vector that must be rejected.
func (v vector) gcmInvalid(n calls, piece int) error {
	sealed := append(bytes.Clone(v.CT), v.Tag...)
	d := stream.SetChunkSize(must(stream.NewGCMDecryptReader(n.source(sealed), v.Key, v.IV, v.AAD, 1<<20)), piece)
	got, err := n.read(d)
	u := stream.SetChunkSize(must(stream.NewGCMUnverifiedReader(n.source(sealed), v.Key, v.IV, v.AAD)), piece)
	_, unverified := n.read(u)
	_, verify := stream.VerifyGCMChunks(n.source(sealed), v.Key, v.IV, v.AAD, piece)
	if err != stream.ErrDecrypt || unverified != err || verify != err || len(got) != 0 {
		return fmt.Errorf("errors %v, %v, %v, %d bytes, want ErrDecrypt and none", err, unverified, verify, len(got))
	}
	return nil
}

// TestWycheproofCBC runs all vectors for AES-CBC with PKCS #5 padding.
func TestWycheproofCBC(t *testing.T) {
	ran := map[string]int{}
	for _, g := range vectors.Wycheproof[vectorGroup](t, "aes_cbc_pkcs5_test.json") {
		for _, v := range g.Tests {
			ran[v.Result]++
			if v.Result == "valid" {
				eachCall(t, v.TcID, v.cbc)
			} else {
				eachCall(t, v.TcID, v.cbcInvalid)
			}
		}
	}
	if ran["valid"] < 50 || ran["invalid"] < 100 || len(ran) != 2 {
		t.Errorf("vectors run: %v, want more, or other results", ran)
	}
	t.Logf("vectors run: %v, each in calls of %v bytes", ran, callSizes)
}

// cbc runs a valid vector.
func (v vector) cbc(n calls, piece int) error {
	return errors.Join(v.cbcEncrypt(n, piece), v.cbcDecrypt(n, piece))
}

func (v vector) cbcEncrypt(n calls, piece int) error {
	var buf bytes.Buffer
	w := stream.SetChunkSize(must(stream.NewCBCEncryptWriter(&buf, v.Key, v.IV)), piece)
	e := stream.SetChunkSize(must(stream.NewCBCEncryptReader(n.source(v.Msg), v.Key, v.IV)), piece)
	return errors.Join(
		n.writes("EncryptWriter", w, &buf, v.Msg, v.CT),
		n.yields("EncryptReader", e, v.CT),
		n.joins(must(stream.NewCBCParts(v.Key, v.IV)), v.Msg, v.CT),
	)
}

func (v vector) cbcDecrypt(n calls, piece int) error {
	d := stream.SetChunkSize(must(stream.NewCBCDecryptReader(n.source(v.CT), v.Key, v.IV)), piece)
	return errors.Join(n.yields("DecryptReader", d, v.Msg), v.cbcRange(n))
}

// cbcRange decrypts what follows the first n bytes of a CBC stream, or its
// last byte.
func (v vector) cbcRange(n calls) error {
	if len(v.Msg) == 0 {
		return nil // no range is within it
	}
	off, size := int64(min(len(v.Msg)-1, int(n))), int64(len(v.CT))
	coff, cn, err := stream.CBCCiphertextRange(off, size, size)
	if err != nil {
		return err
	}
	r, err := stream.NewCBCRangeReader(n.source(v.CT[coff:coff+cn]), v.Key, v.IV, off, size, size)
	if err != nil {
		return err
	}
	return n.yields("CBCRangeReader", r, v.Msg[off:])
}

// cbcInvalid runs a vector that must be rejected.
func (v vector) cbcInvalid(n calls, piece int) error {
	d := stream.SetChunkSize(must(stream.NewCBCDecryptReader(n.source(v.CT), v.Key, v.IV)), piece)
	if _, err := n.read(d); err != stream.ErrDecrypt {
		return fmt.Errorf("error %v, want ErrDecrypt", err)
	}
	return nil
}
