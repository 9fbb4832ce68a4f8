// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"path"
	"runtime"
	"strconv"
)

// peerModule is the folder of this module.
const peerModule = "bench/peers"

// peerPrograms are the commands of this module and the peers in each.
var peerPrograms = []struct {
	dir   string
	peers []string
}{
	{"ours", []string{"s3seal-V3", "s3seal-chunked", "s3seal-DARE", "s3seal-CBC"}},
	{"sio", []string{"sio"}},
	{"tink", []string{"tink-4KiB", "tink-1MiB"}},
	{"age", []string{"age"}},
}

// eachPeer runs f with the program of every peer.
func (j *job) eachPeer(ctx context.Context, out io.Writer, f func(bin, peer string) error) error {
	versions, err := j.moduleVersions(ctx, peerModule, "github.com/minio/sio", "github.com/tink-crypto/tink-go/v2", "filippo.io/age")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "versions: %s\n", versions)
	for _, p := range peerPrograms {
		bin, err := j.build(ctx, path.Join(peerModule, p.dir))
		if err != nil {
			return err
		}
		for _, name := range p.peers {
			if err := f(bin, name); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return nil
}

// peers is the throughput of all, each run in a process of its own: on all cores,
// and on one.
func (j *job) peers(ctx context.Context, out io.Writer) error {
	sizes := pick(j, []int64{1 << 20}, []int64{64 << 20, 256 << 20})
	for range pick(j, 1, 5) { // run by run, so that a bad minute does not hit one of them alone
		err := j.eachPeer(ctx, out, func(bin, peer string) error {
			for i, size := range sizes {
				procs := []int{runtime.NumCPU()}
				if i == 0 && procs[0] > 1 {
					procs = append(procs, 1)
				}
				for _, procs := range procs {
					env := []string{"GOMAXPROCS=" + strconv.Itoa(procs)}
					err := j.run(ctx, out, env, bin, "-peer", peer, "-size", strconv.FormatInt(size, 10), "-test.benchtime", pick(j, "1x", "200ms"))
					if err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// memory is the peak of memory of those that stream, over the size.
func (j *job) memory(ctx context.Context, out io.Writer) error {
	sizes := pick(j, []int64{1 << 20, 4 << 20}, []int64{1 << 20, 16 << 20, 256 << 20, 1 << 30, 10 << 30})
	return j.eachPeer(ctx, out, func(bin, peer string) error {
		for _, size := range sizes {
			runs := pick(j, 1, 3)
			if size >= 1<<30 {
				runs = 1 // what grows has grown by then, and the time is long
			}
			for range runs {
				if err := j.run(ctx, out, nil, bin, "-peer", peer, "-size", strconv.FormatInt(size, 10), "-through"); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
