// SPDX-License-Identifier: Apache-2.0

package fuzz_test

import (
	"bufio"
	"cmp"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"
)

const (
	// fuzzFloor is how many inputs a target has to try that are neither seeds nor
	// from the cache. One that has tried fewer goes on after its time.
	fuzzFloor = 1000

	// fuzzLimit is how much longer it may take, all seeds included.
	fuzzLimit = 10 * time.Minute
)

// TestFuzzLong fuzzes each target for a while, one after the other; the time
// counts from when all seeds have been run. The cache that fuzzing keeps stays
// out of the user's: it is S3SEAL_FUZZCACHE, so that one run goes on from where
// another has ended, or a temporary one. What a target finds it writes to
// testdata/fuzz.
func TestFuzzLong(t *testing.T) {
	if os.Getenv("S3SEAL_LONG") != "1" {
		t.Skip("the seeds run in any case; set S3SEAL_LONG=1 to go on from there")
	}
	if runtime.GOOS == "windows" {
		t.Skip("takes a signal to end, which there is none of here")
	}
	each := must[time.Duration](t)(time.ParseDuration(cmp.Or(os.Getenv("S3SEAL_FUZZTIME"), "15s")))
	dir := t.TempDir()
	cache := cmp.Or(os.Getenv("S3SEAL_FUZZCACHE"), filepath.Join(dir, "cache"))
	if !filepath.IsAbs(cache) {
		t.Fatalf("S3SEAL_FUZZCACHE is %q, want an absolute path", cache)
	}
	binary := filepath.Join(dir, "fuzz.test")
	// -fuzz makes the compiler count what is covered.
	if out, err := exec.CommandContext(t.Context(), "go", "test", "-c", "-fuzz=.", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("go test -c: %v\n%s", err, out)
	}
	for _, name := range slices.Sorted(maps.Keys(targets)) {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), binary, "-test.run=^$", "-test.fuzz=^"+name+"$", "-test.fuzztime="+(each+fuzzLimit).String(),
				"-test.fuzzcachedir="+cache, "-test.timeout="+(each+2*fuzzLimit).String())
			cmd.Env = append(os.Environ(), "S3SEAL_LONG=")
			p := watchFuzzing(t, cmd, each)
			if p.begun.IsZero() {
				t.Errorf("no input was tried but seeds")
			} else if n := p.tried(); n < fuzzFloor {
				t.Errorf("%d inputs that are no seeds, want at least %d", n, fuzzFloor)
			}
		})
	}
}

// A progress is what the fuzzing engine has said of itself.
type progress struct {
	begun        time.Time // when all seeds had been run
	seeds, execs int       // the latter with the seeds
}

// tried is how many inputs were no seeds.
func (p *progress) tried() int { return max(0, p.execs-p.seeds) }

var (
	fuzzBegins = regexp.MustCompile(`^fuzz: .* (\d+)/\d+ completed, now fuzzing with `)
	fuzzGoesOn = regexp.MustCompile(`^fuzz: .*, execs: (\d+) `)
)

// read takes note of a line.
func (p *progress) read(line string) {
	if m := fuzzBegins.FindStringSubmatch(line); m != nil {
		p.begun = time.Now()
		p.seeds, _ = strconv.Atoi(m[1])
	} else if m := fuzzGoesOn.FindStringSubmatch(line); m != nil {
		p.execs, _ = strconv.Atoi(m[1])
	}
}

// watchFuzzing runs cmd until it has fuzzed for as long as it should, and has
// tried as many inputs.
func watchFuzzing(t *testing.T, cmd *exec.Cmd, each time.Duration) *progress {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p, asked := new(progress), false
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<24) // an input that fails is printed on one line
	for lines.Scan() {
		t.Log(lines.Text())
		p.read(lines.Text())
		if !asked && !p.begun.IsZero() && time.Since(p.begun) >= each && p.tried() >= fuzzFloor {
			asked = true
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Logf("to end it: %v", err) // it has ended
			}
		}
	}
	if err := lines.Err(); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v", err)
	}
	return p
}

// TestProgress: what the engine prints is understood.
func TestProgress(t *testing.T) {
	for _, c := range []struct {
		lines []string
		begun bool
		tried int
	}{
		{nil, false, 0},
		{[]string{"fuzz: elapsed: 15s, gathering baseline coverage: 102/570 completed", "PASS"}, false, 0},
		{[]string{"fuzz: elapsed: 0s, gathering baseline coverage: 0/570 completed", "fuzz: elapsed: 6s, gathering baseline coverage: 570/570 completed, now fuzzing with 2 workers"}, true, 0},
		{[]string{
			"fuzz: elapsed: 6s, gathering baseline coverage: 570/570 completed, now fuzzing with 2 workers",
			"fuzz: elapsed: 9s, execs: 600 (10/sec), new interesting: 3 (total: 573)", "fuzz: elapsed: 12s, execs: 1700 (366/sec), new interesting: 9 (total: 579)", "PASS",
		}, true, 1130},
	} {
		p := new(progress)
		for _, l := range c.lines {
			p.read(l)
		}
		if !p.begun.IsZero() != c.begun || p.tried() != c.tried {
			t.Errorf("%q: begun %t, tried %d; want %t, %d", c.lines, !p.begun.IsZero(), p.tried(), c.begun, c.tried)
		}
	}
}
