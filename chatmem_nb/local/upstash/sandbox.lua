-- Where scripts run on the embedded engine: in an environment of their own, which holds plain Lua and no
-- Python object but cjson.null. Chunk arguments: the globals fakeredis has set, and what Python adds.
local host, allowed, writes, sha1hex, memory_kb, seconds = ...

string.dump = nil  -- in reach of every script as ("").dump

local getinfo, sethook = debug.getinfo, debug.sethook
local raw_pcall, raw_type, raw_error = pcall, type, error
local raw_loadstring, raw_tostring, raw_getmetatable = loadstring, tostring, getmetatable
local collectgarbage, clock = collectgarbage, os.clock
local upper, find, match, format, concat = string.upper, string.find, string.match, string.format, table.concat
local python_call, python_encode, python_decode = host.redis.call, host.cjson.encode, host.cjson.decode

local STEPS = 1000  -- instructions between two looks at time and memory
local DEPTH = 100   -- of a reply

local began, verdict, read_only = 0, nil, false

-- Errors as text: what Python raised is an object, and scripts get none.
local function message(problem)
  if raw_type(problem) == "table" then problem = rawget(problem, "err") end
  local kind = raw_type(problem)
  local text = kind == "userdata" and raw_tostring(problem) or problem
  if kind == "nil" or kind == "table" or kind == "function" then text = "the script raised a " .. kind end
  return find(text, "^%u+ ") and text or "ERR " .. text
end

-- Where the script stands, as an error that it does not catch tells it: "user_script:2: ".
local function position()
  for level = 2, math.huge do
    local info = getinfo(level, "Sl")
    if not info then return "user_script:?: " end  -- a tail call leaves no trace
    if info.source == "@user_script" then return format("user_script:%d: ", info.currentline) end
  end
end

local function is_full()
  if collectgarbage("count") < memory_kb then return false end
  collectgarbage("collect")
  return collectgarbage("count") >= memory_kb
end

-- End a script that takes too much. A verdict stands: nothing in the script catches it for good.
local function judge()
  if not verdict and clock() - began > seconds then verdict = {err = "ERR the script ran for too long"} end
  if not verdict and is_full() then verdict = {err = "ERR the script takes too much memory"} end
  if verdict then raw_error(verdict, 0) end
end

local function protected(ok, ...)
  judge()
  if ok then return true, ... end
  local problem = ...
  if raw_type(problem) == "userdata" then problem = {err = message(problem)} end
  return false, problem
end

local function safe_pcall(f, ...) return protected(raw_pcall(f, ...)) end

local function safe_xpcall(f, handler)
  local function handled(ok, ...)
    if ok then return true, ... end
    return false, handler((...))
  end
  return handled(safe_pcall(f))
end

local function python(f, ...)
  local function checked(ok, ...)
    if ok then return ... end
    raw_error({err = message((...)), at = position()}, 0)
  end
  judge()
  return checked(raw_pcall(f, ...))
end

local function call(name, ...)
  if raw_type(name) ~= "string" then
    raw_error({err = "ERR Please specify at least one argument for this redis.call() call"}, 0)
  end
  name = upper(name)
  if not allowed[name] then raw_error({err = "ERR This Redis command is not allowed from script"}, 0) end
  if read_only and writes[name] then
    raw_error({err = "ERR Write commands are not allowed from read-only scripts."}, 0)
  end
  return python(python_call, name, ...)
end

local function compile(chunk, name)
  if raw_type(chunk) ~= "string" then return nil, "a chunk must be a string" end
  if find(chunk, "^\27") then return nil, "attempt to load a binary chunk" end  -- bytecode is not checked
  return raw_loadstring(chunk, name or "@user_script")
end

local function copy(from, ...)
  local to = {}
  for _, name in ipairs({...}) do to[name] = from[name] end
  return to
end

local function pick(from, without)
  local to = {}
  for name, value in pairs(from) do
    if not without[name] then to[name] = value end
  end
  return to
end

-- A reply as tables without metatables, which therefore end.
local function plain(value, depth)
  local kind = raw_type(value)
  if kind == "string" or kind == "boolean" or kind == "nil" then return value end
  if kind == "number" then return value > -2^63 and value < 2^63 and value or -2^63 end  -- as C casts it
  if kind ~= "table" then return false end  -- cjson.null, a function: Redis' nil
  if depth > DEPTH then raw_error({err = "ERR reached lua stack limit"}, 0) end
  local reply = {}
  for _, name in ipairs({"ok", "err", "double"}) do reply[name] = plain(rawget(value, name), depth + 1) end
  for index = 1, math.huge do
    local element = plain(rawget(value, index), depth + 1)
    if element == nil then break end
    reply[index] = element
  end
  return reply
end

local function environment()
  local env = copy(_G, "assert", "ipairs", "next", "pairs", "rawequal", "rawget", "rawset", "select",
    "setmetatable", "tonumber", "type", "unpack", "_VERSION")
  env.error, env.pcall, env.xpcall = raw_error, safe_pcall, safe_xpcall
  env.string, env.table, env.math = pick(string, {dump = true}), pick(table, {}), pick(math, {})
  env.os = {clock = os.clock}
  env.KEYS, env.ARGV = host.KEYS, host.ARGV
  function env.tostring(value)
    return raw_type(value) == "userdata" and "userdata: NULL" or raw_tostring(value)
  end
  function env.getmetatable(value)  -- a Python object's would offer its __gc
    return raw_type(value) == "table" and raw_getmetatable(value) or nil
  end
  function env.loadstring(chunk, name)
    local f, problem = compile(chunk, name)
    if f then setfenv(f, env) end
    return f, problem
  end
  function env.load(reader, name)
    assert(raw_type(reader) == "function", "bad argument #1 to 'load' (function expected)")
    local parts = {}
    for part in reader do
      if part == "" then break end
      parts[#parts + 1] = part
    end
    return env.loadstring(concat(parts), name)
  end
  env.cjson = {
    encode = function(value) return python(python_encode, value) end,
    decode = function(text) return python(python_decode, text) end,
    null = host.cjson.null,
  }
  env.redis = {
    call = call,
    pcall = function(...)
      local ok, reply = safe_pcall(call, ...)
      return ok and reply or (not ok and {err = message(reply)}) or reply
    end,
    error_reply = function(text) return {err = text} end,
    status_reply = function(text) return {ok = text} end,
    sha1hex = function(text) return python(sha1hex, raw_tostring(text)) end,
    log = function() end,
    replicate_commands = function() return true end,
    set_repl = function() end,
    LOG_DEBUG = 0, LOG_VERBOSE = 1, LOG_NOTICE = 2, LOG_WARNING = 3,
    REPL_NONE = 0, REPL_AOF = 1, REPL_SLAVE = 2, REPL_REPLICA = 2, REPL_ALL = 3,
  }
  env._G = env
  return setmetatable(env, {
    __index = function(_, name)
      raw_error(format("Script attempted to access nonexistent global variable '%s'", raw_tostring(name)), 2)
    end,
    __newindex = function() raw_error("Attempt to modify a readonly table", 2) end,
    __metatable = false,
  })
end

-- Return true and the reply, or false and the error's text.
return function(script)
  local flags, body = match(script, "^#!lua([^\n]*)(.*)$")
  local chunk, problem = compile(body or script)
  if not chunk then return false, "ERR Error compiling script: @" .. problem end
  setfenv(chunk, environment())
  began, verdict, read_only = clock(), nil, flags and find(flags, "no%-writes") ~= nil
  sethook(judge, "", STEPS)
  local ok, reply = raw_pcall(function() return plain(chunk(), 1) end)
  sethook()
  collectgarbage("collect")  -- before anything else asks for memory where nothing catches the refusal
  if ok then return true, reply end
  if raw_type(reply) == "string" then return false, "ERR Error running script: @" .. reply end
  local at = raw_type(reply) == "table" and rawget(reply, "at")
  return false, at and format("ERR Error running script: @%s%s", at, message(reply)) or message(reply)
end
