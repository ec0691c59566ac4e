package alarm

// RuleNode is a part of a composite alarm's rule with its present value, for display.
type RuleNode struct {
	Op     string   // AND, OR, NOT, AT_LEAST, TRUE or FALSE; "STATE" for a comparison of one alarm's state
	Holds  bool     // its value
	Count  int      // of AT_LEAST: how many alarms are needed
	Want   State    // of STATE and AT_LEAST: the state that is asked for; 0 otherwise
	Except bool     // of AT_LEAST: alarms in any other state count
	Alarms []string // of STATE and AT_LEAST: the alarms, as the rule writes them
	Parts  []RuleNode
}

// Tree returns the rule as a tree, with the values that the states of alarms give its parts.
func (x *Expression) Tree(state func(alarm string) State) RuleNode { return x.root.tree(state) }

func (n constant) tree(func(string) State) RuleNode {
	if n {
		return RuleNode{Op: "TRUE", Holds: true}
	}
	return RuleNode{Op: "FALSE"}
}

func (n inState) tree(state func(string) State) RuleNode {
	return RuleNode{Op: "STATE", Holds: n.holds(state), Want: n.want, Alarms: []string{n.alarm}}
}

func (n negated) tree(state func(string) State) RuleNode {
	return RuleNode{Op: "NOT", Holds: n.holds(state), Parts: []RuleNode{n.of.tree(state)}}
}

func (n joined) tree(state func(string) State) RuleNode {
	out := RuleNode{Op: "OR", Holds: n.holds(state)}
	if n.all {
		out.Op = "AND"
	}
	for _, p := range n.parts {
		out.Parts = append(out.Parts, p.tree(state))
	}
	return out
}

func (n atLeast) tree(state func(string) State) RuleNode {
	return RuleNode{Op: "AT_LEAST", Holds: n.holds(state), Count: n.count, Want: n.want, Except: n.not, Alarms: n.alarms}
}
