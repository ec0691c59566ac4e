package config

import (
	"fmt"
	"testing"
)

// What models and endpoints use is kept when it is removed: the image alone, not what else its pattern matched; the folder or store of model
// data, where nothing else serves it; the size of the instance type. What is not in use goes, and what is replaced is replaced.
func TestWhatIsInUseIsKept(t *testing.T) {
	parse := func(text string) Config {
		t.Helper()
		c, err := Parse([]byte(text), "/etc/bellows")
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	before := parse(`images:
- {image: "mine:*", command: [old], max_concurrency: 3}
- {image: "other", command: [other]}
model_data:
  folders: [{prefix: "s3://models/", folder: /srv/models}, {prefix: "s3://more/", folder: /srv/more}]
  stores: [{bucket: "b*", endpoint: "https://s3.example.com"}]
instance_types: [{type: ml.own.large, vcpus: 2, memory: 1GiB}, {type: ml.own.small, vcpus: 1, memory: 1GiB}]
`)
	use := InUse{
		Images:        map[string][]string{"mine:1": {"endpoint a", "model a"}, "unmapped": {"model u"}, "bellows/demo-model": {"model d"}},
		ModelData:     map[string][]string{"s3://models/a.tar.gz": {"model a"}, "s3://bucket/b.tar.gz": {"model b"}, "file:///x": {"model f"}, "s3://elsewhere/x": {"model e"}},
		InstanceTypes: map[string][]string{"ml.own.large": {"endpoint a"}, "ml.m5.large": {"endpoint b"}},
	}
	c, kept := parse("queue_max: 7").KeepInUse(&before, use)
	const want = "[{images mine:1 [endpoint a model a]} {model_data s3://bucket/b.tar.gz [model b]} {model_data s3://models/a.tar.gz [model a]} {instance_types ml.own.large [endpoint a]}]"
	if got := fmt.Sprint(kept); got != want {
		t.Errorf("kept %s\nwant %s", got, want)
	}
	if p, err := c.Program("mine:1"); err != nil || p.Command[0] != "old" || c.Concurrency("mine:1") != 3 || c.QueueMax != 7 {
		t.Errorf("%+v, %v", p, err)
	}
	for _, gone := range []string{"mine:2", "other"} {
		if _, err := c.Program(gone); err == nil {
			t.Errorf("%s still has a command", gone)
		}
	}
	data, err := c.ModelData.Settings()
	if err != nil {
		t.Fatal(err)
	}
	for uri, served := range map[string]bool{"s3://models/a.tar.gz": true, "s3://bucket/b.tar.gz": true, "s3://more/x": false, "s3://bucket2/x": false} {
		if folder, store := data.Serving(uri); (folder >= 0 || store >= 0) != served {
			t.Errorf("%s is served: %v", uri, !served)
		}
	}
	if types := c.Types(); types["ml.own.large"].VCPUs != 2 || types["ml.own.small"].VCPUs != 0 {
		t.Errorf("types %v, %v", types["ml.own.large"], types["ml.own.small"])
	}
	if again, kept := parse("queue_max: 7").KeepInUse(&c, use); fmt.Sprint(kept) != want || len(again.Images) != 1 {
		t.Errorf("at the next reload, kept %v", kept)
	}
	if c, kept := parse("queue_max: 7").KeepInUse(&c, InUse{}); len(kept) != 0 || len(c.Images)+len(c.InstanceTypes)+len(c.ModelData.Folders)+len(c.ModelData.Stores) != 0 {
		t.Errorf("without use, kept %v", kept)
	}
	c, kept = parse("images: [{image: '*', command: [new]}]\nmodel_data: {stores: [{endpoint: 'https://other.example.com'}]}\ninstance_types: [{type: ml.own.large, vcpus: 4, memory: 1GiB}]").KeepInUse(&before, use)
	if p, err := c.Program("mine:1"); err != nil || p.Command[0] != "new" || len(kept) != 0 || c.Types()["ml.own.large"].VCPUs != 4 {
		t.Errorf("what is replaced: %+v, %v, kept %v", p, err, kept)
	}
}

func TestLiteralPatterns(t *testing.T) {
	for _, name := range []string{"a/b:c", `a*?[b]\c`, "[", `\`} {
		c := Config{Images: []Image{{Image: literally(name), Command: []string{"x"}}}}
		if _, err := c.Program(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := c.Program(name + "x"); err == nil {
			t.Errorf("%s matches more", name)
		}
	}
}
