package emulator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// build compiles all functions with one run of the go tool, with the flags of a deployment: <bin>/<function>/bootstrap.
func build(ctx context.Context, root, bin string, environment []string, functions []*functionPlan) error {
	goTool, err := exec.LookPath("go")
	if err != nil {
		return errors.New("go is not installed or not on the PATH; it is needed to build the functions")
	}
	all := filepath.Join(bin, ".build")
	if all, err = filepath.Abs(all); err != nil {
		return err
	}
	if err := os.MkdirAll(all, 0o755); err != nil {
		return fmt.Errorf("build the functions: %w", err)
	}
	// Git may call the checkout "dubious" (another user owns it). Then go cannot read its state, and fails without this flag.
	arguments := []string{"build", "-buildvcs=false", "-trimpath", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", all + string(filepath.Separator)}
	for _, f := range functions {
		arguments = append(arguments, "./functions/"+f.folder)
	}
	cmd := exec.CommandContext(ctx, goTool, arguments...)
	cmd.Dir, cmd.WaitDelay, cmd.SysProcAttr = root, stopGrace, childAttributes()
	cmd.Env = append(append([]string{}, environment...), "CGO_ENABLED=0")
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build the functions: %w\n%s", err, bytes.TrimSpace(output.Bytes()))
	}
	for _, f := range functions {
		if err := installBootstrap(filepath.Join(all, f.folder), filepath.Join(bin, f.folder)); err != nil {
			return fmt.Errorf("build %s: %w", f.folder, err)
		}
	}
	return nil
}

// installBootstrap puts a program where Lambda expects it: in its own folder, named bootstrap. It is a hard link if that is
// possible. The file that the go tool wrote stays, so that an unchanged program is not linked again.
func installBootstrap(program, folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	target := filepath.Join(folder, "bootstrap")
	if err := os.Remove(target); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if os.Link(program, target) == nil {
		return nil
	}
	from, err := os.Open(program)
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }()
	to, err := os.OpenFile(target, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(to, from); err != nil {
		_ = to.Close()
		return err
	}
	return to.Close()
}
