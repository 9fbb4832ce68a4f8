// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/cipher"
	"fmt"
	"sync"

	"github.com/s3seal/s3seal/bench/internal/ends"
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
	each := func(oneShot func(dst []byte) func() error) (all []func() error) {
		for range cores {
			all = append(all, oneShot(make([]byte, len(k.sealed))))
		}
		return all
	}
	return []score.Row{
		scaled("GCM/encrypt/ReadFrom", each(seal), func() error { return encrypt(copyFrom(k.plain)) }),
		scaled("GCM/encrypt/Write/whole", each(seal), func() error { return encrypt(whole(k.plain)) }),
		scaled("GCM/encrypt/Read/8MiB", each(seal), func() error { return pull(k.plain, k.dst[:8<<20]) }),
		scaled("GCM/decrypt/unverified/WriteTo", each(open), func() error {
			return drain(stream.NewGCMUnverifiedReader(ends.NewFile(k.sealed), key, iv, aad))
		}),
		scaled("GCM/decrypt/buffered/WriteTo", each(open), func() error {
			return drain(stream.NewGCMDecryptReader(ends.NewFile(k.sealed), key, iv, aad, 1<<30))
		}),
		scaled("CBC/decrypt/WriteTo", each(cbc), func() error {
			return drain(stream.NewCBCDecryptReader(ends.NewFile(k.cbc), key, iv16))
		}),
	}, nil
}

// A scaling compares what all cores do for a stream with what they do for
// one-shot calls.
type scaling struct {
	oneShot []func() error // one for each core
	stream  func() error
}

func scaled(name string, oneShot []func() error, stream func() error) score.Row {
	s := scaling{oneShot, stream}
	return score.Row{Name: name, Size: scaledSize, Bar: scalingBar, Real: true, Measure: s.measure}
}

func (s scaling) measure() (score.Result, error) {
	cores := len(s.oneShot)
	var one, str, quot, share []float64
	for i := range rounds + 1 {
		var t [4]score.Turn
		for j, w := range []struct {
			cores int
			f     func() error
		}{{1, s.oneShot[0]}, {cores, onEach(s.oneShot)}, {1, s.stream}, {cores, s.stream}} {
			var err error
			if t[j], err = score.Timed(w.cores, 1, w.f); err != nil {
				return score.Result{}, err
			}
		}
		if i == 0 {
			continue
		}
		a := float64(t[0].Wall) * float64(cores) / float64(t[1].Wall)
		b := float64(t[2].Wall) / float64(t[3].Wall)
		one, str, quot, share = append(one, a), append(str, b), append(quot, b/a), append(share, t[1].Share())
	}
	return score.Result{Ratio: score.Median(quot), Doubt: score.Doubt(score.Median(share)), Text: fmt.Sprintf("x %.2f       x %.2f", score.Median(one), score.Median(str))}, nil
}

// onEach returns a function that runs those of fs at the same time.
func onEach(fs []func() error) func() error {
	return func() error {
		errs := make([]error, len(fs))
		var wg sync.WaitGroup
		for i, f := range fs {
			wg.Go(func() { errs[i] = f() })
		}
		wg.Wait()
		for _, err := range errs {
			if err != nil {
				return err
			}
		}
		return nil
	}
}
