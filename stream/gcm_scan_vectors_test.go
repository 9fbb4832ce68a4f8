// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"testing"

	"github.com/s3seal/s3seal/internal/vectors"
	"github.com/s3seal/s3seal/stream"
)

// TestScanWycheproof runs the vectors for AES-GCM through both passes.
func TestScanWycheproof(t *testing.T) {
	ran := map[string]int{}
	for _, g := range vectors.Wycheproof[vectorGroup](t, "aes_gcm_test.json") {
		for _, v := range g.Tests {
			if len(v.IV) != stream.GCMIVSize {
				ran["refused"]++
				if _, err := stream.ScanGCM(nil, v.Key, v.IV, v.AAD); err == nil {
					t.Errorf("tc=%d: an IV of %d bytes was accepted", v.TcID, len(v.IV))
				}
				continue
			}
			ran[v.Result]++
			eachCall(t, v.TcID, v.gcmScan)
		}
	}
	if ran["valid"] < 100 || ran["invalid"] < 20 || ran["refused"] < 50 {
		t.Errorf("vectors run: %v, want more", ran)
	}
}

func (v vector) gcmScan(n calls, piece int) error {
	sealed := append(bytes.Clone(v.CT), v.Tag...)
	s, err := stream.ScanGCMChunks(n.source(sealed), v.Key, v.IV, v.AAD, piece, 1+v.TcID%3)
	if v.Result != "valid" {
		if s != nil || err != stream.ErrDecrypt {
			return fmt.Errorf("ScanGCM = %v, %v, want nil, ErrDecrypt", s, err)
		}
		return nil
	}
	if err != nil {
		return err
	}
	if err := n.yields("VerifiedReader", s.Reader(n.source(sealed)), v.Msg); err != nil {
		return err
	}
	sealed[len(sealed)-1-v.TcID%len(sealed)] ^= 1
	if got, err := n.read(s.Reader(n.source(sealed))); err != stream.ErrDecrypt || !bytes.HasPrefix(v.Msg, got) {
		return fmt.Errorf("altered: %d bytes, %v, want ErrDecrypt", len(got), err)
	}
	return nil
}

// TestScanCores reads on one core and on more than there may be, in calls that
// ask for all, and with a difference in each run.
func TestScanCores(t *testing.T) {
	const chunk, perRun, run = 48, 8, 48 * 8
	for _, cores := range []int{1, 2, 5} {
		t.Run(fmt.Sprint(cores), func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
			for _, n := range []int{run - 1, run, 3*run - 1, 3 * run, 3*run + 1, 4*run + 50} {
				plain := text(n)
				sealed := gcmMode().seal(plain)
				s := scanOf(t, sealed, chunk, perRun)
				got := make([]byte, n+1)
				if m, err := io.ReadFull(s.Reader(bytes.NewReader(sealed)), got); err != io.ErrUnexpectedEOF || !bytes.Equal(got[:m], plain) {
					t.Errorf("len=%d: %d bytes in large calls, %v", n, m, err)
				}
				if err := checkWriterTo(s.Reader(bytes.NewReader(sealed)), plain); err != nil {
					t.Errorf("len=%d: WriteTo: %v", n, err)
				}
				for at := 5; at < len(sealed); at += run / 2 {
					bad := bytes.Clone(sealed)
					bad[at] ^= 0x80
					checkSecond(t, fmt.Sprintf("len=%d,at=%d", n, at), s, bad, sealed, plain, run)
					m, err := io.ReadFull(s.Reader(bytes.NewReader(bad)), got)
					if want := min(at/run, (n-1)/run) * run; err != stream.ErrDecrypt && m == 0 || m != want || !bytes.Equal(got[:m], plain[:want]) {
						t.Errorf("len=%d,at=%d: %d bytes in large calls, %v, want %d", n, at, m, err, want)
					}
				}
			}
		})
	}
}
