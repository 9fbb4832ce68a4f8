// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/cipher"
	"fmt"

	"github.com/s3seal/s3seal/bench/internal/score"
	"github.com/s3seal/s3seal/stream"
)

// scalingBar is how much of the scaling of one-shot calls streams must reach.
const scalingBar = 0.9

// scaledSize is that of the objects with which scaling is measured.
const scaledSize = 64 << 20

// allCores returns the comparisons of scaling.
func allCores(cores int) ([]score.Row, error) {
	k, err := newKit(scaledSize)
	if err != nil {
		return nil, err
	}
	cbc := func(dst []byte) func() error {
		return func() error {
			cipher.NewCBCDecrypter(k.block, iv16).CryptBlocks(dst, k.cbc)
			return nil
		}
	}
	seal := func(dst []byte) func() error {
		return func() error { k.aead.Seal(dst[:0], iv, k.plain, aad); return nil }
	}
	open := func(dst []byte) func() error {
		return func() error { _, err := k.aead.Open(dst[:0], iv, k.sealed, aad); return err }
	}
	scaled := func(name string, oneShot func(dst []byte) func() error, stream func() error) score.Row {
		s := scaling{cores: cores, stream: stream}
		for range cores {
			s.oneShot = append(s.oneShot, oneShot(make([]byte, len(k.sealed)+stream16)))
		}
		return score.Row{Name: name, Size: scaledSize, Bar: scalingBar, Real: true, Measure: s.measure}
	}
	return []score.Row{
		scaled("GCM/encrypt/ReadFrom", seal, func() error { return encrypt(copyFrom(k.plain)) }),
		scaled("GCM/encrypt/Write/whole", seal, func() error { return encrypt(whole(k.plain)) }),
		scaled("GCM/encrypt/Read/8MiB", seal, func() error { return pull(k.plain, k.dst[:8<<20]) }),
		scaled("GCM/decrypt/unverified/WriteTo", open, func() error {
			return drain(stream.NewGCMUnverifiedReader(&file{k.sealed}, key, iv, aad))
		}),
		scaled("GCM/decrypt/buffered/WriteTo", open, func() error {
			return drain(stream.NewGCMDecryptReader(&file{k.sealed}, key, iv, aad, 1<<30))
		}),
		scaled("CBC/decrypt/WriteTo", cbc, func() error {
			return drain(stream.NewCBCDecryptReader(&file{k.cbc}, key, iv16))
		}),
	}, nil
}

// stream16 is room for what a mode adds.
const stream16 = stream.BlockSize

// A scaling compares what all cores do for a stream with what they do for
// one-shot calls.
type scaling struct {
	cores   int
	oneShot []func() error // one for each core
	stream  func() error
}

func (s scaling) measure() (score.Result, error) {
	var one, str, quot, share []float64
	for i := range rounds + 1 {
		var t [4]score.Turn
		for j, w := range []struct {
			cores int
			f     func() error
		}{{1, s.oneShot[0]}, {s.cores, onEach(s.oneShot)}, {1, s.stream}, {s.cores, s.stream}} {
			var err error
			if t[j], err = score.Timed(w.cores, 1, w.f); err != nil {
				return score.Result{}, err
			}
		}
		if i == 0 {
			continue // warms caches, pools and the clock of the core
		}
		a := float64(t[0].Wall) * float64(s.cores) / float64(t[1].Wall)
		b := float64(t[2].Wall) / float64(t[3].Wall)
		one, str, quot, share = append(one, a), append(str, b), append(quot, b/a), append(share, t[1].Share())
	}
	return score.Result{Ratio: score.Median(quot), Doubt: score.Doubt(score.Median(share)), Text: fmt.Sprintf("x %.2f       x %.2f", score.Median(one), score.Median(str))}, nil
}
