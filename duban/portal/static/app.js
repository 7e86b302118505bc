/* ES5, an extra only: every page works without it. */
(function (d, w) {
  function each(list, f) { for (var i = 0; i < list.length; i++) f(list[i]); }
  function all(q, from) { return (from || d).querySelectorAll(q); }
  d.documentElement.className += ' js';
  var store; try { store = w.localStorage; store.getItem('x'); } catch (e) { store = null; }
  each(all('[data-percent]'), function (box) {
    var n = box.querySelector('input[type=number]'), s = box.querySelector('input[type=range]');
    function set(v) { n.value = v; s.value = v; n.dispatchEvent(new Event('input', { bubbles: true })); }
    s.oninput = function () { set(s.value); };
    n.oninput = function () { s.value = n.value || 0; };
    each(all('button', box), function (b) { b.onclick = function () { set(b.value); }; });
  });
  /* What was typed stays on this device until the receipt: webviews are killed without warning. */
  each(all('form[data-draft]'), function (f) {
    var k = 'duban:' + f.getAttribute('data-draft'), fields = all('textarea,input[type=text],input[type=number]', f);
    var old = {}; try { old = JSON.parse((store && store.getItem(k)) || '{}'); } catch (e) { old = {}; }
    each(fields, function (x) {
      if (old[x.name] && (!x.value || x.type === 'number')) { x.value = old[x.name]; if (x.oninput) x.oninput(); }
    });
    f.addEventListener('input', function () {
      var v = {}; each(fields, function (x) { if (x.name) v[x.name] = x.value; });
      if (store) try { store.setItem(k, JSON.stringify(v)); } catch (e) { store = null; }
    });
    f.addEventListener('submit', function () {
      setTimeout(function () { each(all('button', f), function (b) { b.disabled = true; }); }, 0);
      setTimeout(function () { each(all('button', f), function (b) { b.disabled = false; }); }, 15000);
    });
  });
  each(all('[data-done]'), function (x) { if (store) store.removeItem('duban:' + x.getAttribute('data-done')); });
})(document, window);
