// The page of HistoryBrowser. Text reaches the document by textContent, or as the kernel's HTML, pruned by `safe`.
// What is read or typed here is in no trait, so it is never saved.

const CAP = 8e6 // px of a spacer; engines stop laying out near 17.9 million
const WINDOW = 25 // messages asked for at once
const KEPT = 1000 // messages kept in the page
const PAGE = 50 // sessions asked for at once
const ROLES = {__proto__: null, human: "Human", ai: "AI", system: "System", tool: "Tool", other: "Other"}
const UNDOABLE = "It can be undone while this browser lives."

// ---- elements

// `tag` is "name.class", a div by default; functions among `props` listen; false children are left out.
function h(tag, props, ...children) {
	let [name, ...classes] = tag.split(".")
	let node = document.createElement(name || "div")
	if (name === "button") node.type = name
	node.className = classes.join(" ")
	if (props?.constructor !== Object) children.unshift(props)
	else
		for (let [key, value] of Object.entries(props)) {
			if (typeof value === "function") node.addEventListener(key.slice(2), value)
			else if (value != null && key in node) node[key] = value
			else if (value != null) node.setAttribute(key, value)
		}
	put(node, children)
	return node.matches("a, button, input, select, summary, textarea, [tabindex]") ? keyed(node) : node
}

function put(node, ...children) {
	node.replaceChildren(...children.flat(4).filter(child => child || child === 0))
}

// Without this mark on the very element, typing `dd` would delete a notebook cell.
function keyed(node) {
	node.dataset.lmSuppressShortcuts = "true"
	return node
}

function act(event, acts) {
	if (!acts[event.key]) return
	event.preventDefault()
	acts[event.key]()
}

const focus = node => node?.focus({preventScroll: true})
const icon = name => h("i.i-" + name, {ariaHidden: "true"})
const button = (text, onclick, kind = "", props) => h("button" + kind, {onclick, ...props}, text)
const tool = (mark, label, onclick, kind = "", props) => button(icon(mark), onclick, ".tool" + kind, {ariaLabel: label, title: label, ...props})
const submit = (text, kind = "") => h("button" + kind, {type: "submit"}, text)
// In an output of JupyterLab Enter submits no form by itself.
const form = (tag, run, ...inside) =>
	h("form" + tag, {onsubmit: event => (event.preventDefault(), run()), onkeydown: event => event.target.matches("input") && !event.defaultPrevented && act(event, {Enter: run})}, inside)
const field = (label, props) => h("input", {ariaLabel: label, placeholder: label, spellcheck: false, ...props})
const choice = (label, options, onchange) =>
	h("select", {ariaLabel: label, onchange}, Object.entries(options).map(([value, text]) => h("option", {value}, text)))
const group = (tag, label, ...inside) => h(tag, {tabIndex: 0, role: "group", ariaLabel: label}, inside)
const fold = (title, body, props = {}) => h("details", props, h("summary", title), body)
const dim = (...text) => h("span.dim", text)
const bad = text => h("p.reason", text)
const line = (...inside) => h(".line", inside)
const alarm = () => h("p.reason", {role: "alert"})
const name = (text, tag = "bdi") => h(tag, {title: plain(text)}, plain(text))
const facts = pairs => h("dl.facts", Object.entries(pairs).map(([label, value]) => value && h("div", h("dt", label), name(value, "dd"))))
const state = (mark, title, text, ...actions) =>
	h(".state", {role: "status"}, h("span.mark." + mark, icon(mark)), h("h2", title), h("p", text), line(actions))
const loading = label => h(".skeletons", {role: "status", ariaLabel: label})

// What stands `over` a list in its place; nothing brings the list back.
const cover = (box, over) => (...nodes) => {
	put(over, nodes)
	box.hidden = nodes.length > 0
}

function timer() {
	let id
	return (run, ms) => (clearTimeout(id), (id = run && setTimeout(run, ms)))
}

// ---- words

const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g
// What cannot be seen, or turns a line around, is written out.
const plain = text => String(text ?? "").replace(UNSEEN, c => "\\u" + c.charCodeAt().toString(16).padStart(4, "0"))
const count = n => (n ?? 0).toLocaleString("en")
const plural = (n, word) => `${count(n)} ${word}${n === 1 ? "" : "s"}`
const part = (n, total) => count(n) + (total ? ` of ${count(total)}` : "")
const size = bytes => (bytes < 1e6 ? (bytes / 1e3).toFixed(1) + " kB" : (bytes / 1e6).toFixed(1) + " MB")
const used = tokens => tokens && `${count(tokens.input)} in, ${count(tokens.output)} out`
const between = (low, n, high) => Math.max(low, Math.min(n, high))
const span = s => (s < 60 ? `${s | 0} s` : s < 3600 ? `${(s / 60) | 0} min` : s < 86400 ? `${(s / 3600) | 0} h` : `${(s / 86400) | 0} d`)
const when = iso => iso && h("time", {dateTime: iso}, plain(iso.slice(0, 16).replace("T", " ")))

const TAGS = "a,blockquote,br,code,div,em,h1,h2,h3,h4,h5,h6,hr,li,ol,p,pre,s,span,strong,table,tbody,td,th,thead,tr,ul"

// Pruned in a document that runs and fetches nothing.
function safe(html) {
	let {body} = new DOMParser().parseFromString("<body>" + html, "text/html")
	for (let node of body.querySelectorAll("*")) {
		if (!node.matches(TAGS)) node.remove()
		for (let {name, value} of [...node.attributes])
			if (!/^(class|start)$/.test(name) && !(name === "href" && /^(https?:|mailto:)/i.test(value))) node.removeAttribute(name)
		if (node instanceof HTMLAnchorElement) Object.assign(keyed(node), {rel: "noopener noreferrer", target: "_blank"})
	}
	return [...body.childNodes]
}

// ---- messages to and from the kernel

// `heard(event)`: what the kernel tells unasked; `hushed(silent)`: it is silent, or speaks again.
function wire(model, heard, hushed) {
	let view = Math.random().toString(36).slice(2)
	let open = new Map()
	let sent = 0, last = 0, probed = 0, silent = false
	let hush = now => now !== silent && hushed((silent = now))

	function send(method, params) {
		try {
			model.send({rid: ++sent, view, method, params})
		} catch {
			hush(true) // a closed comm throws: the kernel is gone
		}
		return sent
	}

	function ask(method, params = {}, progress) {
		let entry
		let promise = new Promise((done, fail) => (entry = {done, fail, progress, since: Date.now()}))
		let rid = send(method, params)
		open.set(rid, entry)
		promise.catch(() => {}) // whoever waits for it hears of it all the same
		promise.cancel = () => {
			if (!open.delete(rid)) return
			entry.fail({type: "cancelled", message: ""})
			send("cancel", {rid})
		}
		return promise
	}

	function receive(message, buffers) {
		if (message.view && message.view !== view) return
		last = Date.now()
		hush(false)
		let entry = message.view && open.get(message.rid)
		if (message.event === "progress") entry?.progress?.(message)
		else if (message.event) heard(message)
		else if (open.delete(message.rid)) message.ok ? entry.done({...message.result, buffers}) : entry.fail(message.error)
	}

	// No answer: ask whether anybody is there. Any message mends it.
	let watch = setInterval(() => {
		let [oldest] = open.values()
		let now = Date.now()
		let age = oldest ? now - Math.max(oldest.since, last) : 0
		if (age >= 4000) hush(true)
		if (age < 2000 || now - probed < 4000) return
		probed = now
		send("hello", {})
	}, 500)
	model.on("msg:custom", receive)
	let close = () => {
		clearInterval(watch)
		model.off("msg:custom", receive)
		open.clear()
	}
	return {ask, view, close}
}

// ---- a list of any length

// Rows of any height in a block that floats in a spacer: it grows at its ends as one scrolls, is built anew where
// the bar leaps to, and at rest drifts to where its index belongs on the bar.
function scroller(box, make, guess, seen) {
	let block = h(".block")
	let pad = h(".pad", block)
	let self = {box, total: 0, first: 0, rows: [], mark: null, ended: false, sticky: true, get last() {return self.first + self.rows.length;}, reset, update, renew, resize, show, close}
	let later = timer()
	let top = 0, mean = guess, seenAs
	let height = () => block.offsetHeight
	let ideal = () => Math.min(CAP, mean * self.total)
	let shape = () => `${box.clientWidth} ${box.clientHeight}`
	// The first row that ends below `y`.
	let at = y => self.rows.findIndex(row => top + row.offsetTop + row.offsetHeight > y)

	function room() {
		let end = top + height()
		let full = self.last === self.total ? end : Math.max(ideal(), end + box.clientHeight)
		pad.style.height = `${full}px`
		block.style.top = `${top}px`
		return full
	}

	function shift(by) {
		let y = box.scrollTop + by // before the spacer may cut it off
		top += by
		room()
		box.scrollTop = y
	}

	function reset(total) {
		drop(self.rows)
		Object.assign(self, {total, first: 0, rows: [], mark: null})
		top = 0
		room()
		box.scrollTop = 0
	}

	function update() {
		let {scrollTop: y, clientHeight: view} = box
		if (!self.total || !view) return
		if (self.rows.length && top <= y + view && top + height() >= y) return fill()
		let part = Math.min(1, y / Math.max(1, room() - view))
		let index = Math.min(self.total - 1, Math.floor(part * self.total))
		place(index, y + part * view, part * self.total - index)
	}

	// Row `index` with the `part` of its height at `y`, the others around it.
	function place(index, y, part) {
		drop(self.rows)
		self.first = index
		self.rows = [make(index)]
		put(block, self.rows)
		top = y - part * height()
		fill()
	}

	function fill() {
		let view = box.clientHeight
		let over = Math.max(300, view / 2)
		let some = px => Math.min(40, Math.ceil(px / Math.max(16, mean)) + 1)
		for (let turn = 0; turn < 40; turn++) {
			let below = box.scrollTop + view + over - top - height()
			let above = top - box.scrollTop + over
			if (below > 0 && self.last < self.total) grow(Math.min(self.total - self.last, some(below)), true)
			else if (above > 0 && self.first > 0) grow(Math.min(self.first, some(above)))
			else break
		}
		let low = at(box.scrollTop - over * 3)
		drop(self.rows.splice(at(box.scrollTop + view + over * 3) + 1 || self.rows.length))
		if (low > 0) {
			top += self.rows[low].offsetTop
			drop(self.rows.splice(0, low))
			self.first += low
		}
		if (self.first === 0) top && shift(-top)
		else if (top < view) settle()
		room()
		remember()
		later(settle, 200)
		seen(self.first, self.last)
	}

	function grow(n, down) {
		let before = height()
		let start = down ? self.last : (self.first -= n)
		block[down ? "append" : "prepend"](...Array.from({length: n}, (_, i) => make(start + i)))
		self.rows = [...block.children]
		if (!down) top -= height() - before
		mean += (height() / self.rows.length - mean) * (self.total > 200 ? 0.1 : 0.5)
	}

	// A row must not take the focus along, or keys would reach the notebook.
	function drop(rows) {
		for (let row of rows) {
			if (row.contains(document.activeElement)) focus(box)
			row.remove()
		}
	}

	// Nothing moves on the screen.
	function settle() {
		if (!self.first || self.last === self.total || !self.mark) return
		let {index, y} = self.mark
		let view = box.clientHeight
		let part = between(0, (index - y / mean) / (self.total - view / mean), 1)
		shift(Math.max(view, part * (ideal() - view)) - box.scrollTop)
		remember()
	}

	function remember() {
		let {scrollTop: y, clientHeight: view} = box
		let i = at(y)
		self.mark = i < 0 ? null : {index: self.first + i, y: top + self.rows[i].offsetTop - y}
		self.ended = self.last === self.total && top + height() - y - view < 8
		seenAs = shape()
	}

	// Rows changed: what is on top of the screen stays there, and the end stays the end.
	function restore() {
		let row = self.mark && self.rows[self.mark.index - self.first]
		if (!row || !box.clientHeight) return update()
		if (self.sticky && self.ended && self.last === self.total) box.scrollTop = room()
		else top = box.scrollTop + self.mark.y - row.offsetTop
		fill()
	}

	function renew(from = self.first, to = self.last) {
		for (let index = Math.max(from, self.first); index < Math.min(to, self.last); index++) {
			let old = self.rows[index - self.first]
			let row = (self.rows[index - self.first] = make(index))
			let held = old.contains(document.activeElement)
			old.replaceWith(row)
			if (held) focus(row.matches("[tabindex]") ? row : box)
		}
		restore()
	}

	function resize(total) {
		if (total < self.last) reset(total)
		self.total = total
		restore()
	}

	// Row `index` on the screen: its start on top (part 0), its end at the bottom (1), or the shortest way.
	function show(index, part) {
		let view = box.clientHeight
		let row = self.rows[index - self.first]
		if (part === undefined && row) {
			let y = top + row.offsetTop
			let low = y + row.offsetHeight - view
			box.scrollTop = low > y ? y : between(low, box.scrollTop, y)
		} else if (self.total) {
			part ??= 0
			let full = Math.max(view, ideal())
			pad.style.height = `${full}px`
			box.scrollTop = ((index + part) / self.total) * (full - view)
			place(index, box.scrollTop + part * view, part)
			let short = box.scrollTop + view - top - height()
			if (self.last === self.total && short > 0) shift(short) // too few rows to fill the screen: lean on the end
			if (!self.first) shift(-top)
			remember()
		}
		update()
		return self.rows[index - self.first]
	}

	let sizes = new ResizeObserver(() => box.clientHeight && (shape() === seenAs && self.mark ? fill() : restore()))

	function close() {
		later()
		sizes.disconnect()
	}

	box.append(pad)
	// A box of another size scrolls before its observer hears of it.
	box.addEventListener("scroll", () => (shape() === seenAs ? update() : restore()), {passive: true})
	sizes.observe(box)
	sizes.observe(block)
	return self
}

// A listbox. Arrows move, and `moved(index)` hears of it; `acts` by key.
function options(id, label, tall, draw, seen, acts, moved) {
	let box = h(".rows", {role: "listbox", tabIndex: 0, ariaLabel: label, onkeydown})
	let self = Object.assign(scroller(box, row, tall, seen), {at: 0, go, sticky: false})

	function row(index) {
		let node = Object.assign(draw(index), {id: id + index, role: "option"})
		node.classList.toggle("at", index === self.at)
		return node
	}

	function go(index) {
		self.at = between(0, index, self.total - 1)
		self.show(self.at)
		self.renew()
		box.setAttribute("aria-activedescendant", id + self.at)
	}

	function onkeydown(event) {
		let page = Math.floor(box.clientHeight / tall) || 1
		let step = {ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity}[event.key]
		act(event, step ? {[event.key]: () => (go(self.at + step), moved?.(self.at))} : acts)
	}

	return self
}

// ---- sheets and menus

function sheet(app, title, body, more, wide = "", onclose = () => {}) {
	let held = document.activeElement
	let close = () => node.close()
	let closed = () => {
		app.root.append(...node.querySelectorAll(".toast"))
		node.remove()
		onclose()
		for (let one of [app.talk.list.box, held.closest(".msg"), held]) focus(one) // the last that can take it
	}
	let node = h("dialog.sheet" + wide, {ariaLabel: title, onclose: closed}, h("header", h("h2", title), tool("close", "Close", close)), h(".sheetbody", body, more))
	app.root.append(node)
	node.showModal()
	return close
}

function prompt(app, title, hint, label, action, run) {
	let said = alarm()
	let input = field(label, {autofocus: true})
	let go = submit(action, ".primary")
	let send = () => app.work(async () => (await run(input.value.trim()), close()), ({message}) => put(said, message), go)
	let close = sheet(app, title, form(".line", send, input, go), [h("p.dim", hint), said])
}

function confirm(app, title, body, action, run, onclose) {
	let said = alarm()
	// What was to be confirmed is no more: the session is loaded again behind the sheet.
	let fail = ({type, message}) => (type === "changed" ? (close(), app.note(message, "warn")) : put(said, message))
	let yes = button(action, () => app.work(async () => (await run(), close()), fail, yes), ".primary.danger")
	let close = sheet(app, title, [body, said], h("footer", button("Cancel", () => close(), "", {autofocus: true}), yes), "", onclose)
	return {yes, fail}
}

// Pages of plain http have no navigator.clipboard.
function copyText(app, text) {
	let write = event => (event.preventDefault(), event.clipboardData.setData("text/plain", text))
	document.addEventListener("copy", write, {once: true})
	app.note(document.execCommand("copy") ? "Copied" : "This page may not copy.")
	document.removeEventListener("copy", write)
}

// ---- connect

function connectForm(app) {
	let node = h(".connect")
	let problem = alarm()
	let kind, clients, inputs, buttons
	let chosen = () => clients.find(({service}) => service === kind)

	function show(hello) {
		clients = hello.clients
		kind = (clients.find(({env}) => env.some(({set}) => set)) ?? chosen() ?? clients[0]).service
		draw()
	}

	function draw() {
		let {env, inputs: fields} = chosen()
		let pick = service => () => ((kind = service), draw(), node.querySelector(":checked").focus())
		// A cache has a default name.
		let all = env.length && env.every(({name, set}) => set || /CACHE/.test(name))
		inputs = {}
		buttons = [submit("Connect", all ? "" : ".primary"), all && button("Connect from the environment", () => send(true), ".primary")]
		put(problem)
		put(node, form(".card", () => send(false), h("h2", "Open stored conversations"), h("p.dim", "Keys go straight to the kernel. They are never saved in the notebook."),
			h("fieldset.picks", h("legend.unseen", "Service"), clients.map(({service, label}) =>
				h("label", h("input", {type: "radio", name: app.view, checked: service === kind, onchange: pick(service)}), h("span", label)))),
			env.length > 0 && h(".env", h("ul", {ariaLabel: "Environment variables"}, env.map(({name, set}) =>
				h("li.line", icon(set ? "check" : "close"), h("code", plain(name)), dim(set ? "set" : "not set")))), buttons[1]),
			fields.map(input), !fields.length && "Starts a small server in this kernel, with sample conversations. No account needed.", problem, buttons[0]))
	}

	function input({name, label, hint, secret}) {
		let id = `${app.view}-${name}`
		let error = h(".reason", {id: id + "-error"})
		let input = h("input", {id, placeholder: hint, type: secret ? "password" : "text", autocomplete: "off", spellcheck: false, "aria-describedby": error.id})
		inputs[name] = {input, error, secret}
		return h(".field", h("label", {for: id}, label), input, error)
	}

	// A secret leaves its field before the message goes.
	function send(use_env) {
		let params = {service: kind, use_env}
		put(problem)
		for (let [key, {input, error, secret}] of Object.entries(inputs)) {
			params[key] = input.value.trim() || undefined
			if (secret) input.value = ""
			put(error)
			input.ariaInvalid = null
		}
		app.work(async () => app.connected(await app.ask("connect", params)), ({field, message}) => {
			let {input, error} = inputs[field] ?? {error: problem}
			put(error, message)
			if (input) input.ariaInvalid = "true"
			focus(input)
		}, ...buttons)
	}

	return {node, show}
}

// ---- sessions

function sessionList(app) {
	let rows = new Map()
	let later = timer()
	let ticked = new Set(), gen = 0, asking = null, failed = false
	let wanted = () => query.value.trim()
	let typed = () => later(load, 200)
	let exactly = () => wanted() && app.open(wanted())
	let open = at => rows.has(at) && app.open(rows.get(at).session_id)
	let query = field("Filter, or an exact id", {type: "search", oninput: typed, onkeydown: event => act(event, {Enter: exactly, ArrowDown: () => focus(list.box), Escape: () => ((query.value = ""), typed())})})
	let sort = choice("Sort sessions", {found: "As found", id: "By id", length: "By length", last_write: "By last write", ttl: "By expiry"}, () => load())
	let list = options(app.view + "-s", "Sessions", 68, row, need, {" ": () => tick(list.at), Enter: () => open(list.at), "/": () => query.focus()})
	list.box.ariaMultiSelectable = "true"
	let over = h(".over")
	let say = cover(list.box, over)
	let cost = h(".cost", {role: "status"})
	let picked = h(".picked", {hidden: true})
	let create = () => prompt(app, "New session", "It is stored with its first message.", "Session id", "Create", id => id && void app.open(id, {create: true}))
	let node = h("aside.list", {ariaLabel: "Sessions"}, h(".tools", h(".searchbox", icon("search"), query),
		line(sort, tool("again", "Load again", () => load({refresh: true})), h("span.grow"), button([icon("plus"), "New"], create, ".quiet.w"))), h(".body", list.box, over), picked, cost)

	// `keep`: what is shown stays until the new rows are here.
	function load({refresh = false, keep = false} = {}) {
		later()
		asking?.cancel()
		gen++
		if (keep && rows.size) return fetch(list.first, refresh, keep)
		rows.clear()
		list.at = 0
		say(loading("Loading sessions"))
		fetch(0, refresh)
	}

	async function fetch(start, refresh = false, keep) {
		let mine = gen
		let params = {query: wanted(), sort: sort.value, descending: /length|last/.test(sort.value), start, stop: start + PAGE, refresh}
		asking = app.slow("sessions", params)
		let now = asking
		try {
			let answer = await now
			if (mine !== gen) return
			if (keep) rows.clear()
			asking = failed = null
			take(start, answer)
		} catch ({type, message}) {
			if (mine !== gen) return
			asking = null
			failed = true
			let stopped = type === "cancelled"
			say(state(stopped ? "other" : "warn", stopped ? "Listing stopped" : "Sessions could not be listed", message, button("List again", load)))
		}
	}

	function take(start, {rows: found, total, complete, cost: said}) {
		found.forEach((one, i) => rows.set(start + i, one))
		let known = total ?? start + found.length + !complete
		put(cost, said)
		cost.title = app.hello.price_note
		if (!known)
			return say(wanted() ? state("search", "No session matches", "The filter looks for its text anywhere in an id; * and ? are wildcards.", button("Open this exact id", exactly))
				: state("other", "No sessions yet", "Conversations appear here as soon as one is stored.", button("New session", create, ".w")))
		say()
		if (!start && !list.at) list.reset(known)
		list.resize(known)
		list.renew()
	}

	function need(from, to) {
		while (from < to && rows.has(from)) from++
		if (from < to && !asking) fetch(from)
	}

	function row(index) {
		let one = rows.get(index)
		if (!one) return h(".session.waiting", {ariaSelected: "false", ariaLabel: "Loading"})
		let {session_id: id, length, ttl_s, first, last, last_write} = one
		let said = words => h("span.said", words && [h("b", ROLES[words.role]), " ", h("bdi", plain(words.text))])
		return h(".session", {ariaSelected: ticked.has(id), ariaCurrent: id === app.talk.session || null, onclick: event => click(event, index)}, h("span.tick", icon("check")),
			h(".grow", line(name(id), h("span.num", count(length))), said(first),
				line(said(last), ttl_s != null ? h("span.num.ttl", {title: "Expires in"}, span(ttl_s)) : last_write && h("span.num", span((Date.now() - new Date(last_write)) / 1000), " ago"))))
	}

	function click(event, index) {
		list.go(index)
		if (event.shiftKey || event.target.closest(".tick")) tick(index)
		else open(index)
	}

	function tick(index) {
		let id = rows.get(index)?.session_id
		if (id !== undefined) select(ticked.delete(id) ? [...ticked] : [...ticked, id])
	}

	function select(session_ids, told) {
		ticked = new Set(session_ids)
		list.renew()
		picked.hidden = !ticked.size
		put(picked, h("span.grow", `${count(ticked.size)} selected`), tool("trash", "Clear selected", () => clear(app, [...ticked]), ".w"),
			takeAway(app, "Take selected away", "selected"), tool("close", "Select none", () => (select([]), focus(list.box))))
		if (!told) app.ask("select", {session_ids})
	}

	function grew(session_id, length) {
		let one = [...rows.values()].find(row => row.session_id === session_id)
		if (!one) return load({keep: true})
		one.length = length
		list.renew()
	}

	let mend = () => failed && load()
	let close = () => (later(), list.close())
	return {node, load, mark: () => list.renew(), select, grew, mend, close}
}

// ---- one message

function message(talk, index) {
	let {app} = talk
	let entry = talk.entries.get(index)
	let place = {tabIndex: -1, ariaPosInSet: index + 1, ariaSetSize: talk.total}
	if (!entry) return h("article.msg.waiting", {...place, ariaLabel: `Message ${index + 1}, loading`})
	let {error, answers, identity} = entry
	let bar = h(".msgbar", tool("copy", "Copy", () => talk.copy(entry, "text")), tool("code", "Raw JSON", () => talk.raw(entry)), tool("trash", "Delete message", () => talk.remove(entry), ".w"))
	let role = error ? "warn" : entry.role in ROLES ? entry.role : "other"
	let title = error ? "Unreadable record" : ROLES[role]
	let body = error ? [bad(plain(error)), group("pre", "Raw record", entry.raw)]
		: [words(entry.html), rest(), entry.blocks?.map(block), entry.tool_calls?.map(call), more(),
			facts({Model: entry.model, Finish: entry.finish_reason, Tokens: used(entry.tokens), Call: entry.tool_call_id, Id: entry.id})]
	return h("article.msg." + role, {...place, ariaLabel: `${title}, message ${index + 1}`}, h(".glyph", icon(role)),
		h(".content", h(".msghead", h("b.role", title), entry.name && h("bdi", plain(entry.name)), dim("#", count(index + 1)), when(entry.stored_at), entry.status === "error" && h("span.reason", "failed")),
			answers && !error ? fold(["Result of ", h("code", plain(answers.name)), ` in #${count(answers.index + 1)}`], body) : body), bar)

	function words(html) {
		if (!html) return null
		let text = h(".md", {dir: "auto"}, safe(html))
		for (let node of text.querySelectorAll("pre, table")) {
			let code = node.matches("pre")
			let box = group(".box", code ? "Code" : "Table")
			node.replaceWith(box)
			put(box, node, code && tool("copy", "Copy code", () => copyText(app, node.textContent)))
		}
		return text
	}

	function step(label, run) {
		let go = button(label, () => app.work(() => run(go), undefined, go))
		return go
	}

	function rest() {
		let offset = 0
		return entry.clipped && step(`Show all ${count(entry.clipped)} characters`, async go => {
			let {text, next, html} = await talk.ask("full", {index, identity, offset})
			if (html) go.previousSibling.replaceWith(words(html))
			else go.before(group("pre", "Full text", text))
			put(go, "Show more")
			go.hidden = next == null
			offset = next
		})
	}

	function block({kind, label, bytes, html, showable}, number) {
		if (html) return fold(plain(label), words(html), {className: kind})
		return h(".part", h("bdi", plain(label)), bytes != null && dim(size(bytes)), showable && step("Show image", async go => {
			let {data_url: src} = await talk.ask("image", {index, identity, block: number})
			if (/^data:image\//.test(src)) go.replaceWith(h("img", {src, alt: plain(label)}))
		}))
	}

	function call({name, id, args, error, result}) {
		let failed = error || result?.status === "error"
		return h(".call", line(icon("tool"), h("code", plain(name)), h("span.dim.clip.grow", plain(id)), failed ? h("span.reason", "failed") : dim(result ? "answered" : "no result")),
			error && bad(plain(error)), fold("Arguments", group("pre", "Arguments", args)),
			result && fold(`Result in #${count(result.index + 1)}`, group("pre", "Result", result.text), {open: result.text?.length < 300}))
	}

	function more() {
		let start = entry.tool_calls?.length ?? 0
		let total = entry.tool_calls_total ?? 0
		return start < total && step(`Show more of ${plural(total, "tool call")}`, async go => {
			let {tool_calls} = await talk.ask("calls", {index, identity, start, stop: start + 50})
			go.before(...tool_calls.map(call))
			start += tool_calls.length
			go.hidden = start >= total || !tool_calls.length
		})
	}
}

// ---- the transcript

function transcript(app) {
	let talk = {app, entries: new Map(), session: "", epoch: null, total: 0}
	let gen = 0, asked = [], last = 0, live = false, failed = null, scan = null, expected = null
	let soon = timer()
	let title = h("bdi.title.clip")
	let length = dim()
	let fresh = button([icon("end"), "New messages"], end, ".fresh", {hidden: true})
	let box = h(".feed", {role: "feed", tabIndex: 0, ariaLabel: "Messages", onkeydown: key})
	let over = h(".over")
	let say = cover(box, over)
	let stats = h(".stats")
	let follow = tool("live", "Follow", () => ((follow.ariaPressed = live = !live), tick()), "", {ariaPressed: "false"})
	let tools = line(tool("start", "To the start", () => show(0, 0)), tool("end", "To the end", end), tool("goto", "Go to", goTo), follow,
		takeAway(app, "Take away", "session"), tool("trash", "Clear session", () => clear(app, [talk.session]), ".w"))
	let write = composer(app, talk)
	let list = scroller(box, index => message(talk, index), 110, need)
	let node = h("section.talk", {ariaLabel: "Conversation"}, h("header.bar", tool("back", "Back to sessions", () => app.pane("list")), title, length, h("span.grow"), tools), stats, app.find.node, h(".body", box, over, fresh), write)
	box.addEventListener("scroll", () => list.ended && (fresh.hidden = true), {passive: true})
	let beat = setInterval(() => live && tick(), 50000)

	let ask = (method, params, progress) => app.ask(method, {session_id: talk.session, epoch: talk.epoch, ...params}, progress)
	let tick = () => talk.session && app.ask("follow", {session_id: talk.session, on: live, visible: app.visible})

	function end() {
		return show(talk.total - 1, 1)
	}

	function none() {
		begin("")
		say(state("ai", "Pick a session", "Its messages appear here, the newest at the bottom."))
	}

	function begin(session) {
		for (let one of [...asked, scan]) one?.cancel()
		gen++
		asked = []
		failed = expected = null
		Object.assign(talk, {session, epoch: null, total: 0})
		talk.entries.clear()
		fresh.hidden = true
		tools.hidden = write.hidden = !session
		title.textContent = title.title = plain(session)
		put(stats)
		put(length)
		app.list?.mark()
	}

	async function open(session, {create = false, index} = {}) {
		begin(session)
		let mine = gen
		say(loading("Loading messages"))
		try {
			let opened = await app.ask("open", {session_id: session, create})
			if (mine !== gen) return
			adopt({...opened, session, index})
			if (!opened.exists && !create) blank("search", "No session with this id", "It may have expired, or have another key prefix. Appending creates it.")
			if (live) tick()
		} catch (error) {
			if (mine === gen) fail("This session could not be opened", error, () => open(session, {create, index}))
		}
	}

	function fail(title, {message}, again) {
		failed = again
		say(state("warn", title, message, button("Try again", again)))
	}

	// Opened here, by Python or by another view.
	function adopt({session, epoch, total, index}) {
		if (session !== talk.session || talk.epoch !== null) begin(session)
		Object.assign(talk, {epoch, total})
		put(length, plural(total, "message"))
		if (!total) return blank("other", "No messages yet", "What is appended appears here.")
		say()
		list.reset(total)
		show(index ?? total - 1, index === undefined ? 1 : 0)
		if (total <= 2000) measure()
		else put(stats, button("Count turns, tokens and tools", measure, ".quiet"))
	}

	let blank = (...words) => (list.reset(0), say(state(...words)))

	function heard({session, epoch, total}) {
		if (talk.session && talk.epoch === null) return // this view's own request decides
		if (!session) talk.session && none()
		else if (session !== talk.session) app.pane("talk"), adopt({session, epoch, total})
		else if (epoch !== talk.epoch) adopt({session, epoch, total, index: list.ended ? undefined : list.mark?.index})
		else grew(total)
	}

	function grew(total, shown) {
		if (talk.epoch === null || (total <= talk.total && !shown)) return
		if (!talk.total) return adopt({...talk, total})
		let ended = list.ended || shown
		talk.total = total
		put(length, plural(total, "message"))
		list.resize(total)
		if (ended) end()
		else fresh.hidden = false
	}

	// What is on the screen is asked for as soon as the bar rests.
	function need(from, to) {
		app.find.paint()
		soon()
		if (Date.now() - last < 80) soon(() => fetch(list.first, list.last), 80)
		else fetch(from, to)
	}

	async function fetch(from, to) {
		let missing = i => !talk.entries.has(i) && !asked.some(({start, stop}) => i >= start && i < stop)
		while (from < to && !missing(from)) from++
		while (to > from && !missing(to - 1)) to--
		if (from >= to || talk.epoch === null) return
		let mine = gen
		let back = to >= talk.total || talk.entries.has(to)
		let start = back ? Math.max(0, Math.min(from, to - WINDOW)) : from
		let stop = back ? to : Math.min(talk.total, Math.max(to, from + WINDOW))
		last = Date.now()
		let asking = Object.assign(ask("window", {start, stop}), {start, stop})
		asked.push(asking)
		try {
			let {rows} = await asking
			if (mine !== gen) return
			rows.forEach((entry, i) => talk.entries.set(start + i, entry))
			if (talk.entries.size > KEPT) for (let key of talk.entries.keys()) if (key < list.first || key >= list.last) talk.entries.delete(key)
			list.renew(start, start + rows.length)
			verify()
		} catch (error) {
			if (mine !== gen || error.type === "cancelled") return
			if (error.type === "stale") open(talk.session, {index: list.mark?.index})
			else fail("Messages could not be read", error, () => (say(), list.show(list.mark?.index ?? 0, 0)))
		} finally {
			asked = asked.filter(one => one !== asking)
		}
	}

	function show(index, part) {
		fresh.hidden = true
		return list.show(between(0, index, talk.total - 1), part)
	}

	// What was found stands at `index` with this identity, unless others changed the session since.
	function expect(index, identity, again = true) {
		expected = {index, identity, again}
		verify()
	}

	async function verify() {
		let entry = expected && talk.entries.get(expected.index)
		if (!entry) return
		let {index, identity, again} = expected
		expected = null
		if (entry.identity === identity) return
		if (!again) return app.note("The session was changed meanwhile: what was found is no longer here. Search again.", "warn")
		await open(talk.session, {index})
		expect(index, identity, false)
	}

	function goTo() {
		prompt(app, "Go to", `A message from 1 to ${count(talk.total)}, or the first one of a day.`, "1200 or 2026-01-31", "Go", async date => {
			let number = date.replace(/[#,]/g, "")
			let {index, identity} = /^\d+$/.test(number) ? {index: number - 1} : await ask("locate", {date})
			focus(show(index, 0))
			if (identity) expect(index, identity)
		})
	}

	let copy = ({index, identity}, format) => app.work(async () => copyText(app, (await ask("copy", {indexes: [index], identities: [identity], format})).text))

	let raw = ({index, identity}) => app.work(async () => {
		let {raw, pretty, chars} = await ask("raw", {index, identity})
		let copies = ["JSON", "Markdown", "text"].map(format => button("Copy as " + format, () => copy({index, identity}, format.toLowerCase())))
		sheet(app, `Message #${count(index + 1)}`, [group("pre", "Raw JSON", pretty ?? raw), chars > raw.length && dim(`The first ${part(raw.length, chars)} characters.`)], h("footer", copies), ".wide")
	})

	function remove({index, identity, role}) {
		let body = h("p", `Message #${count(index + 1)} (${ROLES[role]}) of session `, h("b", plain(talk.session)), " will be removed from the server. " + UNDOABLE)
		confirm(app, "Delete this message?", body, "Delete message", async () => {
			let {undo, ...now} = await ask("remove", {index, identity})
			if (now.epoch !== talk.epoch) adopt({...now, session: talk.session, index: Math.max(0, index - 1)})
			app.undoable(undo, "Message deleted")
		})
	}

	function measure() {
		let mine = gen
		scan = app.slow("stats", {session_id: talk.session, epoch: talk.epoch, all: true})
		scan.then(found => mine === gen && put(stats, facts(found.facts)), () => {})
	}

	function key(event) {
		let held = list.rows.indexOf(event.target)
		if (held < 0 && event.target !== box) return
		let index = held < 0 ? (list.mark?.index ?? 0) : list.first + held
		let step = by => () => focus(list.show(between(0, index + (held < 0 ? 0 : by), talk.total - 1)))
		act(event, {Home: () => focus(show(0, 0)), End: () => focus(end()), ArrowDown: step(1), ArrowUp: step(-1), "/": app.find.show, Delete: () => held >= 0 && app.may.write && talk.entries.has(index) && remove(talk.entries.get(index))})
	}

	let mend = () => failed?.()
	let close = () => (soon(), clearInterval(beat), list.close())
	return Object.assign(talk, {node, copy, raw, remove, ask, open, adopt, heard, grew, show, expect, none, tick, mend, close, list})
}

// ---- find

function findBar(app) {
	let hits = [], found = 0, asking = null, asked = "", painted = false
	let text = field("Find", {type: "search", className: "grow", onkeydown: event => act(event, {Escape: hide, Enter: () => (hits.length && text.value === asked ? step(event.shiftKey ? -1 : 1) : run())})})
	let scope = choice("Where", {session: "This session", all: "All sessions"})
	let role = choice("Role", {"": "Any role", ...ROLES})
	let called = field("Tool")
	let model = field("Model")
	let errors = h("input", {type: "checkbox"})
	let said = h("span.dim.grow", {role: "status"})
	let steps = h(".line", {hidden: true}, tool("up", "Previous hit", () => step(-1)), tool("down", "Next hit", () => step(1)), takeAway(app, "Take hits away", "hits"))
	let list = options(app.view + "-h", "Hits", 46, row, () => {}, {}, go)
	let node = form(".find", run, line(text, scope, submit("Find"), tool("close", "Close find", hide)),
		h(".line.wrap", role, called, model, h("label.line", errors, "Errors only")), line(said, steps), list.box)
	list.box.hidden = node.hidden = true

	function show() {
		app.pane("talk")
		node.hidden = false
		scope.firstChild.disabled = !app.talk.session
		if (!app.talk.session) scope.value = "all"
		text.select()
	}

	function hide() {
		asking?.cancel()
		node.hidden = true
		paint()
		focus(app.talk.list.box)
	}

	async function run() {
		asking?.cancel()
		asked = text.value
		add([], true)
		steps.hidden = true
		put(said, "Looking…")
		let params = {scope: scope.value, session_id: app.talk.session, text: asked, role: role.value, tool: called.value, model: model.value, errors_only: errors.checked, limit: 1000}
		let now = (asking = app.slow("find", params, ({partial}) => (add(partial?.hits ?? []), put(said, plural(found, "hit"), " so far"))))
		try {
			let answer = await now
			let {messages, sessions} = answer.scanned
			add(answer.hits, true)
			found = answer.count
			finish("", ` in ${plural(messages, "message")} of ${plural(sessions, "session")}`)
		} catch ({type, message}) {
			if (now === asking) finish(type === "cancelled" ? "Stopped. " : message + " ")
		}
	}

	function add(more, anew) {
		hits = anew ? more : [...hits, ...more]
		found = hits.length
		list.box.hidden = scope.value !== "all" || !found
		if (anew) list.reset(0)
		list.resize(found)
	}

	function row(index) {
		let {session_id, index: place, role, snippet, at: [from, to]} = hits[index]
		let letters = [...snippet] // as Python counts them
		let cut = (a, b) => plain(letters.slice(a, b).join(""))
		return h(".hit", {ariaSelected: "false", onclick: () => (list.go(index), go(index))},
			line(h("b.clip", plain(session_id)), dim(`#${count(place + 1)} ${ROLES[role]}`)), h(".said", cut(0, from), h("mark", cut(from, to)), cut(to)))
	}

	function finish(before, after = "") {
		steps.hidden = !hits.length
		put(said, before, found ? plural(found, "hit") : "No hits", after)
		list.at = -1
		if (hits.length && scope.value === "session") step(1)
	}

	function step(way) {
		list.go((list.at + way + hits.length) % hits.length)
		go(list.at)
	}

	async function go(at) {
		let {session_id, index, identity} = hits[at]
		put(said, `${count(at + 1)} of ${plural(found, "hit")}`)
		if (session_id !== app.talk.session) await app.talk.open(session_id, {index})
		else app.talk.show(index, 0)
		app.talk.expect(index, identity)
		paint()
	}

	// By the highlight registry: no markup is touched.
	function paint() {
		let wanted = asked.toLowerCase()
		let marks = []
		let shown = !node.hidden && wanted && hits.length
		let texts = document.createTreeWalker(app.talk.list.box, NodeFilter.SHOW_TEXT)
		while (shown && texts.nextNode() && marks.length < 500) {
			let node = texts.currentNode
			let at = node.data.toLowerCase().indexOf(wanted)
			if (at >= 0) marks.push(new StaticRange({startContainer: node, startOffset: at, endContainer: node, endOffset: Math.min(node.length, at + wanted.length)}))
		}
		if (painted || marks.length) CSS.highlights?.set("chatmem", new Highlight(...marks))
		painted = marks.length > 0
	}

	return {node, show, hide, paint}
}

// ---- append

function composer(app, talk) {
	let role = choice("Role", {human: "Human", ai: "AI", system: "System", tool: "Tool", json: "JSON"}, turn)
	let text = h("textarea", {rows: 1, ariaLabel: "Message", oninput: glance, onkeydown: event => (event.ctrlKey || event.metaKey) && act(event, {Enter: send})})
	let call = field("Tool call id")
	let problem = alarm()
	let look = h(".md.preview", {hidden: true, ariaLabel: "Preview", role: "group"})
	let peek = button("Preview", () => ((look.hidden = !look.hidden), (peek.ariaPressed = !look.hidden), glance()), ".quiet", {ariaPressed: "false"})
	let go = button("Append", send, ".primary", {title: "Ctrl+Enter"})
	let later = timer()

	function turn() {
		call.hidden = role.value !== "tool"
		text.placeholder = role.value === "json" ? "One message or a list, as LangChain stores them or in OpenAI's form" : "Append a message"
		glance()
	}

	function glance() {
		later(async () => look.hidden || put(look, role.value === "json" ? await checked(true) : safe((await app.ask("preview", {text: text.value})).html)), 150)
	}

	// All are checked before any is stored.
	async function checked(dry_run) {
		let {count, errors, total} = await app.ask("append_json", {session_id: talk.session, text: text.value, dry_run})
		return errors.length ? errors.map(({line, message}) => bad(`Line ${line}: ${message}`)) : dry_run ? plural(count, "message") + " to append." : total
	}

	// What was typed stays until the kernel says that it is stored.
	async function send() {
		let {session} = talk
		let content = text.value
		if (!content.trim() || go.disabled) return focus(text)
		put(problem)
		await app.work(async () => {
			let total = role.value === "json" ? await checked(false)
				: (await app.ask("append", {session_id: session, role: role.value, content, tool_call_id: call.value.trim(), name: ""})).total
			if (total.map) return put(problem, total)
			if (text.value === content) text.value = ""
			glance()
			app.list.grew(session, total)
			if (talk.session === session) talk.epoch ? talk.grew(total, true) : talk.open(session)
		}, ({message}) => put(problem, message), go)
		focus(text)
	}

	turn()
	return h(".composer.w", {hidden: true}, problem, look, text, line(role, call, peek, h("span.grow"), go))
}

// ---- clear, take away

function clear(app, session_ids) {
	let body = h("div", dim("Counting…"))
	let asking = app.ask("measure_clear", {session_ids}, ({done, total}) => put(body, dim(part(done, total))))
	let {yes, fail} = confirm(app, `Clear ${plural(session_ids.length, "session")}?`, body, "Clear", async () => {
		let {cleared, later, undo} = await app.ask("clear", {session_ids})
		let added = later.reduce((sum, {length}) => sum + length, 0)
		app.list.select([])
		app.list.load({keep: true})
		if (later.some(({session_id}) => session_id === app.talk.session)) app.open(app.talk.session)
		else if (cleared.includes(app.talk.session)) app.talk.none()
		app.undoable(undo, `Cleared ${plural(cleared.length, "session")}.` + (added ? ` ${plural(added, "message")} that others added meanwhile stayed.` : ""))
	}, asking.cancel)
	yes.disabled = true
	app.work(async () => {
		let {sessions, messages, bytes, undoable, note} = await asking
		put(body, h("p", `${plural(messages, "message")} will be removed from the server${bytes != null ? ` (${size(bytes)})` : ""}.`),
			h("ul.victims", {tabIndex: 0, ariaLabel: "Sessions to clear"}, sessions.map(({session_id, length}) => h("li.line", h("bdi.grow", plain(session_id)), dim(plural(length, "message"))))),
			h(undoable ? "p.dim" : "p.reason", note || UNDOABLE))
		put(yes, "Clear " + plural(messages, "message"))
		yes.disabled = false
	}, fail)
}

function takeAway(app, label, scope) {
	let said = alarm()
	let code = group("pre", "Python code")
	let input = field("Variable", {value: "df", oninput: () => put(go, "Put")})
	let go = submit("Put", ".primary")
	let fail = ({message}) => put(said, message)
	let file = name => button(name, () => app.work(async () => {
		let {filename, mime, buffers} = await app.slow("export", {scope, format: name === "Markdown" ? "md" : name.toLowerCase()})
		let href = URL.createObjectURL(new Blob(buffers, {type: mime}))
		h("a", {href, download: filename}).click()
		setTimeout(() => URL.revokeObjectURL(href), 10000)
	}, fail))
	let frame = () => app.work(async () => {
		let {name, rows} = await app.slow("to_variable", {name: input.value.trim(), scope, overwrite: go.textContent === "Replace"})
		app.note(`${name}: a DataFrame of ${plural(rows, "row")}`)
	}, error => (fail(error), error.type === "exists" && put(go, "Replace")), go)

	return tool("take", label, () => {
		put(said)
		app.work(async () => put(code, (await app.ask("code")).code), fail)
		sheet(app, label, [app.may.variables && [h("b", "A DataFrame in a variable"), form(".line", frame, input, go)],
			app.may.files && [h("b", "A file"), h(".line.wrap", ["JSONL", "CSV", "Markdown", "HTML", "Parquet"].map(file))], said,
			h("b", "Python code"), code], h("footer", button("Copy code", () => copyText(app, code.textContent))), ".wide")
	})
}

// ---- the whole

function browser(model, el) {
	let {ask, view, close: hangUp} = wire(model, heard, hushed)
	let top = h("header.bar")
	let banner = h(".banner", {role: "alert", hidden: true})
	let main = h(".main")
	let root = h(".chatmem", {role: "region", ariaLabel: "Stored conversations"}, top, banner, main)
	let app = {ask, view, root, connected, open, pane, work, slow, note, undoable, hello: {}, visible: true, get may() {return app.hello.may ?? {}}}
	let connecting = connectForm(app)
	app.find = findBar(app)
	let talk = (app.talk = transcript(app))
	let list = (app.list = sessionList(app))
	let panes = h(".panes", list.node, talk.node)
	let sight = new IntersectionObserver(([{isIntersecting}]) => ((app.visible = isIntersecting), talk.tick()))
	let height = () => (root.style.height = model.get("height") || "560px")

	function pane(name) {
		root.dataset.pane = name
	}

	async function start() {
		if (!app.hello.clients) put(main, state("again", "Asking the kernel"))
		draw()
		connected(await ask("hello"))
	}

	function connected(hello) {
		let same = app.hello.connected && app.hello.number === hello.number
		app.hello = hello
		draw()
		reach(hello.reachable)
		if (!hello.connected) {
			talk.none()
			if (!app.may.connect) return put(main, state("leave", "Not connected", "This browser was disconnected from Python; browser.connect(store) connects it again."))
			connecting.show(hello)
			return put(main, connecting.node)
		}
		put(main, panes)
		list.select(hello.selection ?? [], true)
		list.load({keep: same})
		if (hello.session && (!same || hello.session !== talk.session)) open(hello.session)
		else if (!same) talk.none(), pane("list")
		else if (talk.session && talk.epoch === null) open(talk.session)
	}

	function draw() {
		let {connected: on, service, target, undo} = app.hello
		root.dataset.readOnly = !app.may.write
		put(top, h("span.dot", {"data-on": !!on}), h("b", on ? plain(service) : "Conversations"), on && [h("bdi.target.clip", {title: plain(target)}, plain(target)), !app.may.write && h("span.badge", icon("lock"), "Read only"), h("span.grow"),
			undo?.available && button([icon("undo"), "Undo"], back, ".quiet.w", {title: plain(undo.label)}),
			tool("search", "Find", app.find.show), takeAway(app, "Take all away", "all"), app.may.connect && tool("leave", "Disconnect", () => work(async () => connected(await ask("disconnect"))))])
	}

	function open(session, options) {
		pane("talk")
		return talk.open(session, options)
	}

	function heard({what, selection, reachable, number, ...event}) {
		if (what === "selection") list.select(selection, true)
		else if (what === "sessions") list.load({keep: true})
		else if (what === "session") talk.heard(event)
		else if (number === app.hello.number) reach(reachable)
		else start()
	}

	function reach(reachable = true) {
		warn(!reachable && "The server cannot be reached.", "It is asked again and again; this goes on by itself.")
		if (reachable && app.hello.connected) list.mend(), talk.mend()
	}

	// What was asked while nobody was there is asked again.
	function hushed(silent) {
		warn(silent && "No live kernel behind this output.", "Run its cell again. If the kernel is only busy, this goes on by itself.")
		if (!silent) start()
	}

	function warn(title, text) {
		banner.hidden = !title
		put(banner, title && [icon("warn"), h("b", title), h("span", text)])
	}

	async function work(run, fail = ({message}) => note(message, "warn"), ...buttons) {
		let able = on => buttons.forEach(one => one && (one.disabled = !on))
		able(false)
		try {
			await run()
		} catch (error) {
			if (error.type !== "cancelled") fail(error)
		}
		able(true)
	}

	// Ask what may take long: it tells how far it is, and can be cancelled.
	function slow(method, params, more) {
		let since = Date.now()
		let told
		let asking = ask(method, params, event => {
			if (Date.now() - since > 400) told = note(`${event.note || method}: ${part(event.done, event.total)}`, "again", button("Cancel", asking.cancel))
			more?.(event)
		})
		let done = () => told?.remove()
		asking.then(done, done)
		return asking
	}

	// In the sheet on top, since all else is inert under it.
	function note(text, mark = "check", more) {
		let node = h(".toast", {role: "status"}, h("span.mark." + mark, icon(mark)), h("span", plain(text)), more, tool("close", "Dismiss", () => node.remove()))
		root.querySelector(".toast")?.remove()
		;(root.querySelector("dialog") ?? root).append(node)
		setTimeout(() => node.remove(), 12000)
		return node
	}

	function undoable(undo, text) {
		app.hello.undo = undo
		draw()
		note(text, "check", undo?.available && button("Undo", back))
	}

	function back() {
		work(async () => {
			let {label, session_id: session, epoch, total, undo} = await ask("undo")
			undoable(undo, "Undone: " + label)
			list.load({keep: true})
			if (session === talk.session && epoch !== null && epoch !== talk.epoch) talk.adopt({session, epoch, total})
		})
	}

	// With Ctrl or Meta the host's shortcuts (save) hold, but for those that edit or append here.
	function keys(event) {
		let [target] = event.composedPath()
		if (!root.contains(target)) return
		let editing = /^([acvxyz]|enter|arrow.*|home|end|backspace|delete)$/i.test(event.key) && target.matches("input, textarea, select")
		if ((event.ctrlKey || event.metaKey) && !editing) delete target.dataset.lmSuppressShortcuts
		else keyed(target)
	}

	window.addEventListener("keydown", keys, true)
	model.on("change:height", height)
	model.on("change:read_only", start)
	sight.observe(root)
	el.append(root)
	height()
	pane("list")
	talk.none()
	start()

	return () => {
		window.removeEventListener("keydown", keys, true)
		model.off("change:height", height)
		model.off("change:read_only", start)
		sight.disconnect()
		app.find.hide()
		list.close()
		talk.close()
		hangUp()
		root.remove()
	}
}

export default {render: ({model, el}) => browser(model, el)}
