// The page only passes a message on: send its form. Without script the page has a button.
document.forms[0].submit()
