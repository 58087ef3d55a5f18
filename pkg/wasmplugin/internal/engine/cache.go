// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/meter"
)

// Cache keeps compiled code from one load to the next. Compiled code is run as it is found: an
// implementation must give back what it was given, or nothing. All of its methods may be called
// concurrently. It tells nobody but the operator what does not work: then modules are compiled.
type Cache interface {
	// Stage makes an empty directory that only this process can reach. The caller removes it.
	Stage() (dir string, ok bool)
	// Load puts the files that were stored under the key into the directory, under their names.
	Load(key [sha256.Size]byte, dir string)
	// Store takes a file over that is below a directory of Stage.
	Store(key [sha256.Size]byte, path string)
	// Report is told why a directory of Stage was of no use.
	Report(err error)
}

// stage is a directory where wazero looks for the code of one module, and leaves it if it is not
// there. It is not where the code is kept, because wazero believes whatever it finds, fails where it
// cannot write, and removes nothing.
//
// A nil stage is a compilation without a cache.
type stage struct {
	cache Cache
	key   [sha256.Size]byte
	// dir is to be removed; files is the directory in it that wazero uses.
	dir, files string
	code       wazero.CompilationCache
	// loaded is when the files that the cache had were written: wazero replaces one that it cannot use.
	loaded map[string]time.Time
}

// openStage makes a stage with what the cache has of the module.
func openStage(cache Cache, wasm []byte) *stage {
	if cache == nil {
		return nil
	}
	dir, ok := cache.Stage()
	if !ok {
		return nil
	}
	s := &stage{cache: cache, dir: dir}
	if err := s.fill(wasm); err != nil {
		cache.Report(err)
		s.remove()
		return nil
	}
	return s
}

func (s *stage) fill(wasm []byte) (err error) {
	if s.code, err = wazero.NewCompilationCacheWithDir(s.dir); err != nil {
		return fmt.Errorf("making the compiler's directory: %w", err)
	}
	made, err := written(s.dir)
	if err != nil {
		return err
	}
	for platform := range made {
		s.files, s.key = filepath.Join(s.dir, platform), keyOf(wasm, platform)
	}
	s.cache.Load(s.key, s.files)
	s.loaded, err = written(s.files)
	return err
}

// compile has wazero compile the module, or find the code. A module with which that fails is tried
// again without what was found: the cache must not be why a policy does not load. It costs nothing
// where wazero could only not write, because then it has the code in memory.
func (s *stage) compile(ctx context.Context, r wazero.Runtime, wasm []byte) (wazero.CompiledModule, error) {
	compiled, err := r.CompileModule(ctx, wasm)
	if s == nil {
		return compiled, err
	}
	for tries := 0; err != nil && ctx.Err() == nil && tries < 2; tries++ {
		_ = errors.Join(os.RemoveAll(s.files), os.Mkdir(s.files, 0o700))
		again, failed := r.CompileModule(ctx, wasm)
		if failed == nil {
			s.cache.Report(fmt.Errorf("the compiler's directory: %w", err))
			s.keep()
			return again, nil
		}
	}
	if err == nil {
		s.keep()
	}
	return compiled, err
}

// keep stores what wazero wrote. There is nothing if it could not write.
func (s *stage) keep() {
	found, _ := written(s.files)
	for name, at := range found {
		if !at.Equal(s.loaded[name]) {
			s.cache.Store(s.key, filepath.Join(s.files, name))
		}
	}
}

// remove removes the directory: wazero uses it while it compiles, and not any more after that.
func (s *stage) remove() {
	if s != nil {
		_ = os.RemoveAll(s.dir)
	}
}

// written is when each file in a directory was.
func written(dir string) (map[string]time.Time, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("reading the compiler's directory: %w", err)
	}
	list := map[string]time.Time{}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return nil, fmt.Errorf("reading the compiler's directory: %w", err)
		}
		list[e.Name()] = info.ModTime()
	}
	return list, nil
}

// keyOf is what the code of a module depends on: the module as it was metered, the platform that
// wazero names its directory by, and what compiled it. wazero adds what the processor can do, in the
// file's name.
func keyOf(wasm []byte, platform string) [sha256.Size]byte {
	module := sha256.Sum256(wasm)
	return sha256.Sum256(fmt.Appendf(nil, "code %x %q %q %q", module, meter.Version, platform, compiler()))
}

// compiler tells one build of the compiler from others, by the checksum of wazero's source. Where the
// program does not say what it was built from, as in tests, it is the program itself.
var compiler = sync.OnceValue(func() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			if dep.Replace != nil {
				dep = &debug.Module{Path: dep.Path, Version: dep.Replace.Version, Sum: dep.Replace.Sum}
			}
			if dep.Path == "github.com/tetratelabs/wazero" && dep.Sum != "" {
				return dep.Version + " " + dep.Sum + " " + runtime.Version()
			}
		}
	}
	path, err := os.Executable()
	info, serr := os.Stat(path)
	if errors.Join(err, serr) != nil {
		// One that nobody else has, and so nobody finds.
		return fmt.Sprint("process ", os.Getpid())
	}
	return fmt.Sprint(path, info.Size(), info.ModTime().UnixNano())
})
