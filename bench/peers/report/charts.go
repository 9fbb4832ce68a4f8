// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A chart is a picture of some results.
type chart struct {
	file, title string
	inReadme    bool
	draw        func(r results) (*plot.Plot, error) // nil, nil if there is nothing to show
}

func charts() []chart {
	return []chart{
		{"peers.svg", "Throughput of s3seal and others", true, peerChart},
		{"memory.svg", "Memory over size of s3seal and others", true, memoryChart},
		{"throughput.svg", "Throughput per mode", false, throughputChart},
		{"scaling.svg", "Throughput over cores", false, scalingChart},
	}
}

// writeCharts draws what there are results for.
func writeCharts(r results, dir string) (drawn []chart, err error) {
	for _, c := range charts() {
		p, err := c.draw(r)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.file, err)
		}
		if p == nil {
			continue
		}
		if err := save(p, filepath.Join(dir, c.file)); err != nil {
			return nil, err
		}
		drawn = append(drawn, c)
	}
	return drawn, nil
}

// Browsers do not have the font whose measures gonum takes, but others with the
// same measures.
const (
	fontFamily   = "font-family:Liberation Sans;"
	fontFamilies = "font-family:Liberation Sans,Arimo,Helvetica,Arial,sans-serif;"
)

// newPlot returns a plot in that font.
func newPlot(title string) *plot.Plot {
	plot.DefaultFont = font.Font{Typeface: "Liberation", Variant: "Sans"}
	p := plot.New()
	p.BackgroundColor = color.White
	p.Title.Text = title
	p.Title.Padding = vg.Millimeter * 3
	p.Legend.Top = true
	p.Legend.Padding = vg.Millimeter
	p.Legend.XOffs = -vg.Millimeter * 3
	return p
}

// save writes a plot as SVG.
func save(p *plot.Plot, path string) error {
	w, err := p.WriterTo(22*vg.Centimeter, 11*vg.Centimeter, "svg")
	if err != nil {
		return err
	}
	var svg strings.Builder
	if _, err := w.WriteTo(&svg); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(strings.ReplaceAll(svg.String(), fontFamily, fontFamilies)), 0o666)
}

// colors are told apart by all eyes.
var colors = []color.Color{color.RGBA{R: 0x1f, G: 0x77, B: 0xb4, A: 0xff}, color.RGBA{R: 0xff, G: 0xa0, B: 0x40, A: 0xff}}

// A bars is a series of a bar chart, a value for each name below it.
type bars struct {
	name   string
	values plotter.Values
}

// barChart draws series side by side. Zeros stand for what was not measured.
func barChart(title string, names []string, series ...bars) (*plot.Plot, error) {
	if len(names) == 0 {
		return nil, nil
	}
	p := newPlot(title)
	p.Y.Label.Text = "GB/s"
	p.Y.Min = 0
	p.Add(plotter.NewGrid())
	width := vg.Length(15*vg.Centimeter) / vg.Length(len(names)*len(series)+len(names))
	for i, s := range series {
		b, err := plotter.NewBarChart(s.values, width)
		if err != nil {
			return nil, err
		}
		b.Color = colors[i%len(colors)]
		b.LineStyle.Width = 0
		b.Offset = width * (vg.Length(i) - vg.Length(len(series)-1)/2)
		p.Add(b)
		p.Legend.Add(s.name, b)
	}
	p.NominalX(names...)
	p.X.Tick.Label.Rotation = math.Pi / 8
	p.X.Tick.Label.XAlign = draw.XRight
	p.X.Min, p.X.Max = -0.6, float64(len(names))-0.4
	p.Y.Max *= 1.25 // room for the legend
	return p, nil
}

func gigabytes(m *measured) float64 {
	v, _ := m.median(bytesPerSecond)
	return v / 1e9
}

// throughputChart has each mode, in its fastest way, beside the one-shot function.
func throughputChart(r results) (*plot.Plot, error) {
	m := r["streams"]
	size := largest(m)
	var names []string
	stream, oneShot := bars{name: "stream"}, bars{name: "one-shot function of crypto/cipher"}
	for _, mode := range m.distinct("mode") {
		for _, op := range []string{"encrypt", "decrypt"} {
			of := func(mode, how string) float64 {
				return gigabytes(m.where("Stream", "mode", mode, "op", op, "how", how, "size", size))
			}
			if of(mode, best(mode, op)) == 0 {
				continue
			}
			names = append(names, mode+" "+op)
			stream.values = append(stream.values, of(mode, best(mode, op)))
			oneShot.values = append(oneShot.values, of(baseline(mode), "oneshot"))
		}
	}
	return barChart("Streams, "+size+", one core", names, stream, oneShot)
}

func peerChart(r results) (*plot.Plot, error) {
	m := r["peers"]
	size := largest(m)
	m = m.where("Peer", "size", size)
	procs := m.procs()
	if len(procs) == 0 {
		return nil, nil
	}
	n := procs[len(procs)-1]
	encrypt, decrypt := bars{name: "encrypt"}, bars{name: "decrypt"}
	names := m.distinct("peer")
	for _, peer := range names {
		encrypt.values = append(encrypt.values, gigabytes(m.where("Peer", "peer", peer, "op", "encrypt").on(n)))
		decrypt.values = append(decrypt.values, gigabytes(m.where("Peer", "peer", peer, "op", "decrypt").on(n)))
	}
	return barChart(fmt.Sprintf("%s from and to memory, %s", size, cores(n)), names, encrypt, decrypt)
}

func scalingChart(r results) (*plot.Plot, error) {
	m := r["scaling"]
	p := newPlot("Streams, " + largest(m))
	p.X.Label.Text, p.Y.Label.Text = "cores", "GB/s"
	p.X.Tick.Marker = coreTicks(m.procs())
	var lines []any
	for _, mode := range m.distinct("mode") {
		for _, op := range m.where("Stream", "mode", mode).distinct("op") {
			var line plotter.XYs
			for _, n := range m.procs() {
				line = append(line, plotter.XY{X: float64(n), Y: gigabytes(m.where("Stream", "mode", mode, "op", op).on(n))})
			}
			lines = append(lines, mode+" "+op, line)
		}
	}
	if len(lines) == 0 {
		return nil, nil
	}
	p.Add(plotter.NewGrid())
	err := plotutil.AddLinePoints(p, lines...)
	p.Y.Min = 0
	p.X.Max += 0.4 * (p.X.Max - p.X.Min) // room for the legend
	return p, err
}

func coreTicks(procs []int) plot.ConstantTicks {
	var t plot.ConstantTicks
	for _, n := range procs {
		t = append(t, plot.Tick{Value: float64(n), Label: strconv.Itoa(n)})
	}
	return t
}

// alike are peers whose lines would lie on those of others.
var alike = []string{"s3seal-DARE", "s3seal-CBC", "tink-4KiB"}

// memoryChart has those that stream, through a pipe, and the clients of MinIO.
func memoryChart(r results) (*plot.Plot, error) {
	var lines []any
	add := func(name string, line plotter.XYs) {
		if len(line) > 0 {
			lines = append(lines, name, line)
		}
	}
	for _, peer := range r["memory"].distinct("peer") {
		if !slices.Contains(alike, peer) {
			add(peer, memoryLine(r["memory"].where("Memory", "peer", peer)))
		}
	}
	for _, client := range r["endtoend"].distinct("client") {
		add(client+", MinIO", memoryLine(r["endtoend"].where("EndToEnd", "client", client)))
	}
	if len(lines) == 0 {
		return nil, nil
	}
	p := newPlot("Peak of resident memory")
	p.X.Label.Text, p.Y.Label.Text = "plaintext", "MiB"
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Tick.Marker = sizeTicks(append(r["memory"].distinct("size"), r["endtoend"].distinct("size")...))
	p.Y.Tick.Marker = plot.LogTicks{Prec: -1}
	p.Add(plotter.NewGrid())
	err := plotutil.AddLinePoints(p, lines...)
	p.Y.Min = 1
	p.X.Max *= math.Pow(p.X.Max/p.X.Min, 0.4) // room for the legend
	return p, err
}

// memoryLine is the peak of each size, of put or get, whichever is larger, where
// there are both.
func memoryLine(m *measured) plotter.XYs {
	var line plotter.XYs
	for _, size := range m.distinct("size") {
		var most float64
		for _, op := range append([]string{""}, m.distinct("op")...) {
			peak, _ := m.where(m.samples[0].base, "size", size, "op", op).median(peakBytes)
			most = max(most, peak)
		}
		if most > 0 { // known on this system
			line = append(line, plotter.XY{X: mebibytes(size), Y: most / (1 << 20)})
		}
	}
	return line
}

// mebibytes is what peer.SizeName has written, of those sizes that are some.
func mebibytes(size string) float64 {
	scale := 1.0
	number, ok := strings.CutSuffix(size, "GiB")
	if ok {
		scale = 1024
	} else {
		number = strings.TrimSuffix(size, "MiB")
	}
	n, _ := strconv.ParseFloat(number, 64)
	return n * scale
}

func sizeTicks(sizes []string) plot.ConstantTicks {
	slices.Sort(sizes)
	var t plot.ConstantTicks
	for _, s := range slices.Compact(sizes) {
		t = append(t, plot.Tick{Value: mebibytes(s), Label: s})
	}
	return t
}
