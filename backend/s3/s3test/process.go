// SPDX-License-Identifier: Apache-2.0

package s3test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
)

const (
	readyTimeout = 60 * time.Second // generous: all test binaries of a module start at once
	stopTimeout  = 5 * time.Second
)

// A process is a server that was started here, with the folder that it has
// for itself.
type process struct {
	cmd  *exec.Cmd
	dir  string
	held *os.File      // the lock of dir, or nil
	log  string        // file with what it says
	done chan struct{} // closed when it has ended
}

// A command says how to run a server with its data in dir, listening on addr.
type command func(dir, addr string) (*exec.Cmd, error)

// launch starts a server and waits until it answers. Between the choice of a
// port and its use another process may take it, so there is more than one try,
// each on another file system, because not each is fit for a server
// (versitygw needs extended attributes, which an old tmpfs has not got).
func launch(srv Server, command command) (*Server, *process, error) {
	var errs []error
	for _, parent := range []string{memoryFolder(), "", cacheFolder()} {
		p, addr, err := start(parent, srv.Name, command)
		if err != nil {
			return nil, nil, err
		}
		srv.Endpoint = addr
		if err = p.awaitReady(&srv); err == nil {
			return &srv, p, nil
		}
		errs = append(errs, fmt.Errorf("%w; it said: %s", err, p.said()))
		p.stop()
	}
	return nil, nil, errors.Join(errs...)
}

// cacheFolder returns an existing folder in the user's cache, or "".
func cacheFolder() string {
	cache, err := os.UserCacheDir()
	if err != nil || os.MkdirAll(filepath.Join(cache, "s3seal"), 0o700) != nil {
		return ""
	}
	return filepath.Join(cache, "s3seal")
}

// folderPrefix begins the names of the folders of servers, and of nothing else.
const folderPrefix = "s3seal-s3test-"

func start(parent, name string, command command) (p *process, addr string, err error) {
	dir, err := os.MkdirTemp(parent, folderPrefix+name+"-")
	if err != nil {
		return nil, "", err
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(dir)
		}
	}()
	if addr, err = freeAddr(); err != nil {
		return nil, "", err
	}
	cmd, err := command(dir, addr)
	if err != nil {
		return nil, "", err
	}
	held, _ := hold(dir) // not every file system has locks
	p = &process{cmd: cmd, dir: dir, held: held, log: dir + ".log", done: make(chan struct{})}
	if err = p.run(); err != nil {
		return nil, "", fmt.Errorf("start %s: %w", name, err)
	}
	return p, addr, nil
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// run starts the process. The goroutine that does so keeps its thread until
// the process has ended: where the kernel kills a child with its parent it
// means the thread, and Go may end an idle one.
func (p *process) run() error {
	out, err := os.Create(p.log)
	if err != nil {
		return err
	}
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.Dir = p.dir
	dieWithParent(p.cmd)
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.done)
		defer out.Close()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait() // how it ended does not matter: it is killed
		}
	}()
	if err := <-started; err != nil {
		_ = os.Remove(p.log)
		return err
	}
	return nil
}

// awaitReady waits until the server takes the credentials of srv. They are
// random, so another server on the same port is not mistaken for this one.
func (p *process) awaitReady(srv *Server) error {
	opts := srv.Options()
	opts.MaxRetries = 1
	transport, err := srv.Transport()
	if err != nil {
		return err
	}
	defer transport.CloseIdleConnections()
	opts.Transport = transport
	client, err := minio.New(srv.Endpoint, opts)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
	defer cancel()
	for {
		_, err := client.ListBuckets(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return errors.New("the server has ended")
		case <-ctx.Done():
			return fmt.Errorf("the server is not ready after %v: %w", readyTimeout, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// said returns the end of the server's output.
func (p *process) said() string {
	b, _ := os.ReadFile(p.log)
	const most = 2000
	return strings.TrimSpace(string(b[max(0, len(b)-most):]))
}

// stop kills the process, that one and no other, and removes its folder.
func (p *process) stop() {
	_ = p.cmd.Process.Kill()
	select {
	case <-p.done:
	case <-time.After(stopTimeout):
	}
	_ = os.RemoveAll(p.dir)
	_ = os.Remove(p.log)
	if p.held != nil {
		_ = p.held.Close()
	}
}

// cleanEnv returns the environment without the variables that begin with one
// of the prefixes, so that no setting of the user's own server gets in.
func cleanEnv(prefixes ...string) []string {
	var env []string
next:
	for _, kv := range os.Environ() {
		for _, p := range prefixes {
			if strings.HasPrefix(kv, p) {
				continue next
			}
		}
		env = append(env, kv)
	}
	return env
}
