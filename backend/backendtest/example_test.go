// SPDX-License-Identifier: Apache-2.0

package backendtest_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend/backendtest"
)

// oneTest stands for the *testing.T that a test has.
type oneTest struct {
	testing.TB
	cleanups []func()
}

func (t *oneTest) Helper()          {}
func (t *oneTest) Cleanup(f func()) { t.cleanups = append(t.cleanups, f) }

func (t *oneTest) end() {
	for _, f := range t.cleanups {
		f()
	}
}

// get asks a server that says "pay 10" by way of addr.
func get(addr string) string {
	resp, err := http.Get("http://" + addr + "/bill")
	if err != nil {
		return "no answer"
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		log.Fatal(err)
	}
	return string(body)
}

func bill() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close") // each request has its own
		fmt.Fprint(w, "pay 10")
	}))
}

// A Wire takes its time, or breaks, whatever passes it.
func ExampleNewWire() {
	t := new(oneTest)
	defer t.end()
	server := bill()
	defer server.Close()
	wire := backendtest.NewWire(t, server.Listener.Addr().String(), func(d backendtest.Direction) backendtest.Tap {
		if d == backendtest.ToServer {
			return nil
		}
		return func(p []byte) error {
			copy(p, strings.ReplaceAll(string(p), "pay 10", "pay 99"))
			return nil
		}
	})
	fmt.Println(get(wire.Addr()))
	// Output: pay 99
}

// One bit of the answer is altered: that of the body's fifth byte that makes a 3
// of a 1.
func ExampleNewFlipProxy() {
	t := new(oneTest)
	defer t.end()
	server := bill()
	defer server.Close()
	proxy := backendtest.NewFlipProxy(t, server.Listener.Addr().String(), backendtest.Flip{
		Direction: backendtest.ToClient, After: []string{"\r\n\r\n"}, Offset: 4, Bit: 1,
	})
	fmt.Println(get(proxy.Addr()), proxy.Flips())
	// Output: pay 30 1
}

// A failure that a seed has led to can be had again.
func ExampleNewSchedule() {
	one, two := backendtest.NewSchedule(7), backendtest.NewSchedule(7)
	fmt.Println(one.String() == two.String())
	// Output: true
}
