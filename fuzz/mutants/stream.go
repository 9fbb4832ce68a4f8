// SPDX-License-Identifier: Apache-2.0

package main

var (
	inStream  = []string{"stream"}
	inEngine  = []string{"stream/internal/engine", "stream"}
	inChunked = []string{"stream/chunked"}
	inDARE    = []string{"stream/dare"}
)

var streamMutants = []mutant{
	{
		name: "gcm-tag-not-compared", file: "stream/gcm_open.go", auth: true, packages: inStream,
		old: `ok := subtle.ConstantTimeCompare(want[:], tag) == 1`,
		new: `ok := subtle.ConstantTimeCompare(want[:], tag) <= 1`,
	},
	{
		name: "gcm-tag-half-compared", file: "stream/gcm_open.go", auth: true, packages: inStream,
		old: `subtle.ConstantTimeCompare(want[:], tag) == 1`,
		new: `subtle.ConstantTimeCompare(want[:8], tag[:8]) == 1`,
	},
	{
		name: "gcm-one-shot-tag-ignored", file: "stream/gcm_open.go", auth: true, packages: inStream,
		old: `if _, err := o.aead.Open(buf[:0], o.iv[:], buf, o.aad); err != nil {
			return 0, false, ErrDecrypt // its text is that of crypto/cipher
		}`,
		new: `if _, err := o.aead.Open(buf[:0], o.iv[:], buf, o.aad); err != nil {
			o.end = true
			return n, true, nil
		}`,
	},
	{
		name: "gcm-aad-ignored-when-long", file: "stream/gcm_open.go", auth: true, packages: inStream,
		old: `	o.add(o.aad)
}`,
		new: `}`,
	},
	{
		name: "gcm-counter-plus-one", file: "stream/gcm_open.go", packages: inStream,
		old: `binary.BigEndian.PutUint32(j[GCMIVSize:], 2+n)`,
		new: `binary.BigEndian.PutUint32(j[GCMIVSize:], 3+n)`,
	},
	{
		name: "gcm-seal-counter", file: "stream/gcm_seal.go", packages: inStream,
		old: `for c := uint64(countAt(off)-1) << 32; c != 0; c <<= 1 {`,
		new: `for c := uint64(countAt(off)) << 32; c != 0; c <<= 1 {`,
	},
	{
		name: "gcm-limit-off-by-one", file: "stream/gcm.go", auth: true, packages: inStream,
		old: `if int64(n) > GCMMaxSize-g.size {`,
		new: `if int64(n) > GCMMaxSize-g.size+1 {`,
	},
	{
		name: "gcm-limit-exclusive", file: "stream/gcm.go", packages: inStream,
		old: `if int64(n) > GCMMaxSize-g.size {`,
		new: `if int64(n) >= GCMMaxSize-g.size {`,
	},
	{
		name: "gcm-lengths-without-aad", file: "stream/gcm.go", auth: true, packages: inStream,
		old: `l := lengths(int64(len(g.aad)), g.size)`,
		new: `l := lengths(0, g.size)`,
	},
	{
		name: "gcm-short-stream-accepted", file: "stream/gcm_open.go", auth: true, packages: inStream,
		old: `	if n < 0 {
		return 0, false, ErrDecrypt
	}`,
		new: `	if n < 0 {
		o.end = true
		return 0, true, nil
	}`,
	},
	{
		name: "gcm-buffer-limit-off-by-one", file: "stream/gcm_decrypt.go", packages: inStream,
		old: `r.f.src = limitedSource{src, limit}`,
		new: `r.f.src = limitedSource{src, limit + 1}`,
	},
	{
		name: "scan-sum-not-compared", file: "stream/gcm_scan_reader.go", auth: true, packages: inStream,
		old: `	if err := f.scan.check(f.runs, f.o.hash.acc); err != nil {
		return err
	}`,
		new: ``,
	},
	{
		name: "scan-end-not-looked-for", file: "stream/gcm_scan_reader.go", auth: true, packages: inStream,
		old: `if err == nil || got != n {`,
		new: `if got < n {`,
	},
	{
		name: "ghash-order-of-pieces", file: "stream/ghash.go", packages: inStream,
		old: `g.acc = g.acc.mul(g.pow).xor(z)`,
		new: `g.acc = g.acc.xor(z).mul(g.pow)`,
	},
	{
		name: "ghash-blocks-rounded-down", file: "stream/ghash.go", packages: inStream,
		old: `return (uint64(n) + BlockSize - 1) / BlockSize`,
		new: `return uint64(n) / BlockSize`,
	},
	{
		name: "padding-zero-accepted", file: "stream/pkcs7.go", packages: inStream,
		old: `subtle.ConstantTimeLessOrEq(1, n)`,
		new: `subtle.ConstantTimeLessOrEq(0, n)`,
	},
	{
		name: "padding-last-byte-only", file: "stream/pkcs7.go", packages: inStream,
		old: `good &= subtle.ConstantTimeByteEq(b, byte(n)) | (1 ^ inside)`,
		new: `_, _ = inside, b`,
	},
	{
		name: "padding-17-accepted", file: "stream/pkcs7.go", packages: inStream,
		old: `subtle.ConstantTimeLessOrEq(n, BlockSize)`,
		new: `subtle.ConstantTimeLessOrEq(n, BlockSize+1)`,
	},
	{
		name: "cbc-ragged-end-accepted", file: "stream/cbc_decrypt.go", packages: inStream,
		old: `		return 0, ErrDecrypt
	}
	return n, err
}`,
		new: `		n -= n % BlockSize
	}
	return n, err
}`,
	},
	{
		name: "cbc-chain-lost", file: "stream/cbc_decrypt.go", packages: inStream,
		old: `f.iv = [BlockSize]byte(in[len(in)-BlockSize:])`,
		new: `f.iv = [BlockSize]byte(in[:BlockSize])`,
	},
	{
		name: "ctr-range-includes-tag", file: "stream/size.go", auth: true, packages: []string{"stream", "envelope"},
		old: `	return coff, off + n - coff, nil
}`,
		new: `	return coff, off + n - coff + GCMTagSize, nil
}`,
	},
	{
		name: "ctr-skip-lost", file: "stream/ctr.go", packages: inStream,
		old: `		ctr:  gcmCTR(block, iv, uint32(start/BlockSize)),
		skip: int(off - start),`,
		new: `		ctr:  gcmCTR(block, iv, uint32(start/BlockSize)),
		skip: 0,`,
	},
	{
		name: "ctr-early-end-clean", file: "stream/ctr.go", packages: inStream,
		old: `err = earlyEnd(r.want, r.want-r.left)`,
		new: `_ = earlyEnd(r.want, r.want-r.left)`,
	},
	{
		name: "part-sum-not-compared", file: "stream/parts_plan.go", auth: true, packages: inStream,
		old: `if subtle.ConstantTimeCompare(l.parts[i].sum[:], s.sum[:]) != 1 {`,
		new: `if subtle.ConstantTimeCompare(l.parts[i].sum[:], s.sum[:]) > 1 {`,
	},
	{
		name: "part-length-not-compared", file: "stream/parts_plan.go", auth: true, packages: inStream,
		old: `return l.parts[i].n != s.n`,
		new: `return false`,
	},
	{
		name: "part-overlap-allowed", file: "stream/parts_plan.go", auth: true, packages: inStream,
		old: `if i > 0 && (l.parts[i-1].ragged() || l.parts[i-1].end() > s.off) {`,
		new: `if i > 0 && l.parts[i-1].ragged() {`,
	},
	{
		name: "part-second-end-allowed", file: "stream/parts_plan.go", auth: true, packages: inStream,
		old: `case l.size >= 0 && l.size != size:`,
		new: `case false:`,
	},
	{
		name: "part-gap-allowed", file: "stream/parts_plan.go", auth: true, packages: inStream,
		old: `	if end != size {`,
		new: `	if end > size {`,
	},
	{
		name: "part-changed-released", file: "stream/parts.go", auth: true, packages: inStream,
		old: `		clear(out)
		return nil, nil, err
	}
	return ciphertext, p.states.seal(kindPart, &s), nil`,
		new: `		return nil, nil, err
	}
	return ciphertext, p.states.seal(kindPart, &s), nil`,
	},
	{
		name: "part-state-not-bound", file: "stream/partstate.go", auth: true, packages: inStream,
		old: `return &stateSealer{aead, append(object, aad...)}, nil`,
		new: `return &stateSealer{aead, append(object[:1], aad...)}, nil`,
	},
	{
		name: "close-without-final", file: "stream/internal/engine/writer.go", packages: inEngine,
		old: `	w.Enc.Final(p)
	if err := w.emit(p.Out); err != nil {`,
		new: `	w.Enc.Final(p)
	if err := w.emit(nil); err != nil {`,
	},
	{
		name: "abort-forgotten", file: "stream/internal/engine/writer.go", auth: true, packages: inEngine,
		old: `	case nil:
		w.fail(err)
	case errReading`,
		new: `	case nil:
	case errReading`,
	},
	{
		name: "sticky-error-lost", file: "stream/internal/engine/writer.go", packages: inEngine,
		old: `func (w *Writer) fail(err error) error {
	w.Err = err
	w.Enc.Wipe()`,
		new: `func (w *Writer) fail(err error) error {
	w.Err = ErrClosed
	w.Enc.Wipe()`,
	},
	{
		name: "short-write-unnoticed", file: "stream/internal/engine/io.go", packages: inEngine,
		old: `err = io.ErrShortWrite`,
		new: `err = nil`,
	},
	{
		name: "source-error-bare", file: "stream/internal/engine/io.go", packages: inEngine,
		old: `return fmt.Errorf("stream: read source: %w", err)`,
		new: `return err`,
	},
	{
		name: "source-never-stuck", file: "stream/internal/engine/io.go", packages: inEngine,
		old: `s.err = sourceError(io.ErrNoProgress)`,
		new: `s.err = io.EOF`,
	},
	{
		name: "sink-sees-behind", file: "stream/internal/engine/io.go", auth: true, packages: inEngine,
		old: `w.Write(p[:len(p):len(p)])`,
		new: `w.Write(p)`,
	},
	{
		name: "chunked-commitment-ignored", file: "stream/chunked/key.go", auth: true, packages: inChunked,
		old: `if subtle.ConstantTimeCompare(s.commitment[:], header[saltSize:headerSize]) != 1 {`,
		new: `if subtle.ConstantTimeCompare(s.commitment[:], header[saltSize:headerSize]) > 1 {`,
	},
	{
		name: "chunked-context-ignored", file: "stream/chunked/key.go", auth: true, packages: inChunked,
		old: `info+string(salt)+string(context)`,
		new: `info+string(salt)+string(context[:0])`,
	},
	{
		name: "chunked-number-ignored", file: "stream/chunked/key.go", auth: true, packages: inChunked,
		old: `binary.BigEndian.Uint64(tail)^uint64(k))`,
		new: `binary.BigEndian.Uint64(tail)^uint64(k&0xffff))`,
	},
	{
		name: "chunked-bad-run-goes-on", file: "stream/chunked/decrypt.go", auth: true, packages: inChunked,
		old: `f.bad = len(p.Out) < runSize`,
		new: `f.bad = len(p.Out) == 0`,
	},
	{
		name: "chunked-end-not-marked", file: "stream/chunked/decrypt.go", auth: true, packages: inChunked,
		old: `f.keys.open(f.buf[:], in, f.next, true, `,
		new: `f.keys.open(f.buf[:], in, f.next, false, `,
	},
	{
		name: "chunked-readerat-no-last-chunk", file: "stream/chunked/readerat.go", auth: true, packages: inChunked,
		old: `			err = stream.ErrDecrypt
		}
	}
	b.free()`,
		new: `			err = nil
		}
	}
	b.free()`,
	},
	{
		name: "chunked-readerat-chunk-unchecked", file: "stream/chunked/readerat.go", auth: true, packages: inChunked,
		old: `		if !ok {
			return n, stream.ErrDecrypt
		}
		n += copy(p[n:], out[skip:])`,
		new: `		if !ok {
			out = src[:m-16]
		}
		n += copy(p[n:], out[skip:])`,
	},
	{
		name: "dare-nonce-tail-ignored", file: "stream/dare/header.go", auth: true, packages: inDARE,
		old: `binary.LittleEndian.Uint32(nonce[freeNonce:]) != 0 {`,
		new: `binary.LittleEndian.Uint32(nonce[freeNonce:]) == 1 {`,
	},
	{
		name: "dare-strand-ignored", file: "stream/dare/header.go", auth: true, packages: inDARE,
		old: `	if nonce != s.nonce {
		return stream.ErrDecrypt
	}`,
		new: ``, equivalent: "sio keeps to the nonce of the first package as well; the second look is for a sio that would not",
	},
	{
		name: "dare-truncation-is-end", file: "stream/dare/decrypt_reader.go", auth: true, packages: inDARE,
		old: `		r.fail(stream.ErrDecrypt) // whatever sio says`,
		new: `		r.fail(io.EOF)`,
	},
	{
		name: "dare-one-dot-zero", file: "stream/dare/header.go", auth: true, packages: inDARE,
		old: `			return ErrVersion
		}`,
		new: `			return nil
		}`,
	},
}
